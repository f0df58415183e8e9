import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { addressWord, bytes32Word, tagWord, uintWord } from '../words.ts';

/**
 * What registries on chain hash, or check a signature over, beyond `authorisations.ts` (DESIGN section 8). Each function
 * returns the preimage; the caller hashes or signs it.
 */

export interface RevocationFields {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly log: Uint8Array;
}

/** Signed by the worker's signer: this log is dead from now on, for ever. */
export function revokeMessage(fields: RevocationFields): Uint8Array {
  return concatBytes(
    tagWord('proofmark revoke v1'),
    uintWord(fields.chainId),
    addressWord(fields.registry),
    bytes32Word(fields.log),
  );
}

export interface IssuedChallengeFields {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly operator: Uint8Array;
  readonly nonce: bigint;
  readonly previousBlockHash: Uint8Array;
  readonly prevrandao: bigint;
}

/** A challenge that a registry drew for an operator, where block hashes cannot date an attestation. */
export function issuedChallengePreimage(fields: IssuedChallengeFields): Uint8Array {
  return concatBytes(
    tagWord('proofmark issued v1'),
    uintWord(fields.chainId),
    addressWord(fields.registry),
    addressWord(fields.operator),
    uintWord(fields.nonce),
    bytes32Word(fields.previousBlockHash),
    uintWord(fields.prevrandao),
  );
}

/** Numbers of a version without a pre-release part. */
export interface ReleaseVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

export interface ListingFields {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly modelId: Uint8Array;
  /** SHA-256 of the manifest's name. */
  readonly nameHash: Uint8Array;
  readonly version: ReleaseVersion;
}

/**
 * Signed by a release key: on this chain and in this registry, this name and version are this manifest. A registry reads
 * no manifest, so that without this anybody could give a signed release another version's place. It names the registry
 * because a listing is for ever: one for a test network must not be repeated elsewhere.
 */
export function listingMessage(fields: ListingFields): Uint8Array {
  const { major, minor, patch } = fields.version;
  return concatBytes(
    tagWord('proofmark listing v1'),
    uintWord(fields.chainId),
    addressWord(fields.registry),
    bytes32Word(fields.modelId),
    bytes32Word(fields.nameHash),
    ...[major, minor, patch].map((number) => uintWord(BigInt(number), 32)),
  );
}

const RELEASE = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

/** Of a manifest's version. Pre-releases come and go, and a registry keeps what it lists for ever: they have no place there. */
export function releaseVersion(version: string): ReleaseVersion {
  const parts = RELEASE.exec(version);
  if (parts === null) throw new WireError('field_invalid', 'not a version without a pre-release', { field: 'version' });
  return { major: Number(parts[1]), minor: Number(parts[2]), patch: Number(parts[3]) };
}
