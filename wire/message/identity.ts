import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { decodeWords, encodeWords, tagWord, type WordRecord } from '../words.ts';

/** Names of the hardware that can vouch for a worker; simulated evidence carries the same name and another root. */
export type TeeName = 'aws-nitro' | 'amd-sev-snp';

/** DESIGN section 3: what an attestation binds. The log of a worker is the hash of these words. */
export const identityLayout = [
  { name: 'version', kind: 'uint', bits: 32 },
  { name: 'signerX', kind: 'bytes32' },
  { name: 'signerY', kind: 'bytes32' },
  { name: 'sealKey', kind: 'bytes32' },
  { name: 'operator', kind: 'address' },
  { name: 'chainId', kind: 'uint', bits: 256 },
  { name: 'registry', kind: 'address' },
  { name: 'settlement', kind: 'address' },
  { name: 'config', kind: 'bytes32' },
  { name: 'runtime', kind: 'bytes32' },
] as const;

export type WorkerIdentity = WordRecord<typeof identityLayout>;

export const IDENTITY_VERSION = 1n;

export function encodeIdentity(identity: WorkerIdentity): Uint8Array {
  return encodeWords(identityLayout, identity);
}

export function decodeIdentity(bytes: Uint8Array): WorkerIdentity {
  const identity = decodeWords(identityLayout, bytes);
  if (identity.version !== IDENTITY_VERSION) {
    throw new WireError('field_invalid', 'unknown identity version', { field: 'version' });
  }
  return identity;
}

/** The preimage of `log`, the name under which everything about one key epoch is kept. */
export function logPreimage(identityBytes: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark identity v1'), identityBytes);
}

/** The signer in the form that a Nitro document's `public_key` carries: 04 || x || y. */
export function signerPoint(identity: WorkerIdentity): Uint8Array {
  return concatBytes(Uint8Array.of(4), identity.signerX, identity.signerY);
}

/** The preimage of an image id; measurements are raw 48 bytes, not words (DESIGN section 3). */
export function imagePreimage(tee: TeeName, measurements: readonly Uint8Array[]): Uint8Array {
  const expected = tee === 'aws-nitro' ? 3 : 1;
  if (measurements.length !== expected || measurements.some((measurement) => measurement.length !== 48)) {
    throw new WireError('field_invalid', `${tee} has ${expected} measurements of 48 bytes`, { field: 'measurements' });
  }
  return concatBytes(tagWord('proofmark image v1'), tagWord(tee), ...measurements);
}
