import { concatBytes, utf8 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { addressWord, bytes32Word, encodeWords, tagWord, uintWord, type WordRecord } from '../words.ts';

/**
 * Everything else that one party signs or hashes and another checks (DESIGN sections 3 to 5, 7 and 8): a tag word and
 * fixed words. Each function returns the preimage; the caller hashes or signs it.
 */

export const channelLayout = [
  { name: 'chainId', kind: 'uint', bits: 256 },
  { name: 'settlement', kind: 'address' },
  { name: 'payer', kind: 'address' },
  { name: 'payee', kind: 'address' },
  { name: 'sessionX', kind: 'bytes32' },
  { name: 'sessionY', kind: 'bytes32' },
  { name: 'salt', kind: 'bytes32' },
] as const;

export type ChannelFields = WordRecord<typeof channelLayout>;

export function channelPreimage(fields: ChannelFields): Uint8Array {
  return concatBytes(tagWord('proofmark channel v1'), encodeWords(channelLayout, fields));
}

export interface Voucher {
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly channel: Uint8Array;
  readonly log: Uint8Array;
  readonly maxCumulative: bigint;
}

/** Signed by the channel's session key: how much this log may claim in all. */
export function voucherMessage(voucher: Voucher): Uint8Array {
  return concatBytes(
    tagWord('proofmark voucher v1'),
    uintWord(voucher.chainId),
    addressWord(voucher.settlement),
    bytes32Word(voucher.channel),
    bytes32Word(voucher.log),
    uintWord(voucher.maxCumulative, 128),
  );
}

/** Signed by the session key: binds a channel to one Noise session through its handshake hash. */
export function sessionMessage(handshakeHash: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark session v1'), bytes32Word(handshakeHash));
}

/** Signed by the worker's signer: proof of possession when a log is registered. */
export function registerMessage(log: Uint8Array, challenge: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark register v1'), bytes32Word(log), bytes32Word(challenge));
}

/** Signed by a release key: this manifest is mine. */
export function releaseMessage(modelId: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark release v1'), bytes32Word(modelId));
}

export const releaseStatus = { active: 0n, deprecated: 1n, yanked: 2n } as const;

/** Signed by a release key; the highest sequence counts. */
export function releaseStatusMessage(modelId: Uint8Array, value: bigint, sequence: bigint): Uint8Array {
  if (value > releaseStatus.yanked) throw new WireError('field_invalid', 'unknown release status', { field: 'status' });
  return concatBytes(tagWord('proofmark status v1'), bytes32Word(modelId), uintWord(value, 8), uintWord(sequence, 64));
}

export interface EscrowFields {
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly requester: Uint8Array;
  readonly nonce: bigint;
  readonly previousBlockHash: Uint8Array;
}

export function escrowPreimage(fields: EscrowFields): Uint8Array {
  return concatBytes(
    tagWord('proofmark escrow v1'),
    uintWord(fields.chainId),
    addressWord(fields.settlement),
    addressWord(fields.requester),
    uintWord(fields.nonce),
    bytes32Word(fields.previousBlockHash),
  );
}

export interface BlockChallengeFields {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly operator: Uint8Array;
  readonly blockNumber: bigint;
  readonly blockHash: Uint8Array;
}

/** A challenge that dates an attestation: nobody knew it before that block. */
export function blockChallengePreimage(fields: BlockChallengeFields): Uint8Array {
  return concatBytes(
    tagWord('proofmark challenge v1'),
    uintWord(fields.chainId),
    addressWord(fields.registry),
    addressWord(fields.operator),
    uintWord(fields.blockNumber),
    bytes32Word(fields.blockHash),
  );
}

/** `user_data` of a document made for KMS; never an identity. */
export function kmsPreimage(log: Uint8Array, modelId: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark kms v1'), bytes32Word(log), bytes32Word(modelId));
}

/**
 * Preimage of the header's seed for a seed of the API (DESIGN section 4): the tag's word, then the decimal digits as they
 * are. Those that JSON tells apart are seeds: above 2^53 two of them would be one.
 */
export function seedPreimage(apiSeed: number): Uint8Array {
  if (!Number.isSafeInteger(apiSeed) || apiSeed < 0 || Object.is(apiSeed, -0)) {
    throw new WireError('integer_out_of_range', 'not a seed of the API', { field: 'seed' });
  }
  return concatBytes(tagWord('proofmark seed v1'), utf8(String(apiSeed)));
}
