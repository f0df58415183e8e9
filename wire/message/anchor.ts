import { concatBytes } from '../bytes.ts';
import { SIGNATURE_BYTES } from '../crypto/ecdsa.ts';
import { WireError } from '../errors.ts';
import { decodeWords, encodeWords, tagWord, WORD } from '../words.ts';

/**
 * What a third party says about time (DESIGN section 4): a cosigner is a P-256 key that a policy names. Nothing else in
 * an archive tells when a head existed, and nothing tells when an SEV-SNP report was made but its challenge.
 */

const MOST_SECONDS = 8_640_000_000_000n;
const KEY_BYTES = 64;

const headDateFields = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'log', kind: 'bytes32' },
  { name: 'size', kind: 'uint', bits: 48 },
  { name: 'root', kind: 'bytes32' },
  { name: 'document', kind: 'bytes32' },
  { name: 'time', kind: 'uint', bits: 64 },
] as const;

const HEAD_DATE_TAG = 'proofmark anchor v1';

/**
 * "I saw this head and this attestation document at this time." The document is in it so that nobody who later gets hold
 * of a machine's attestation key can put a document of an older date below a head of his own.
 */
export interface HeadDate {
  readonly log: Uint8Array;
  readonly size: bigint;
  readonly root: Uint8Array;
  /** SHA-256 of the attestation document or report. */
  readonly document: Uint8Array;
  /** Unix seconds. */
  readonly time: bigint;
}

/** The six words that a cosigner signs. */
export function headDateMessage(date: HeadDate): Uint8Array {
  checkTime(date.time);
  return encodeWords(headDateFields, { tag: tagWord(HEAD_DATE_TAG), ...date });
}

const challengeDateFields = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'time', kind: 'uint', bits: 64 },
  { name: 'nonce', kind: 'bytes32' },
] as const;

const CHALLENGE_DATE_TAG = 'proofmark moment v1';

/** "This nonce was shown to me at this time": signed, it is a challenge that nobody knew before. */
export interface ChallengeDate {
  /** Unix seconds. */
  readonly time: bigint;
  /** Drawn by whoever asks, so that nobody can answer ahead of time. */
  readonly nonce: Uint8Array;
}

/** The three words that a cosigner signs. */
export function challengeDateMessage(date: ChallengeDate): Uint8Array {
  checkTime(date.time);
  return encodeWords(challengeDateFields, { tag: tagWord(CHALLENGE_DATE_TAG), ...date });
}

/** A statement with its signature; nothing about it is verified. */
export interface Cosigned<Statement> {
  readonly statement: Statement;
  /** The words that were signed, as they came. */
  readonly message: Uint8Array;
  /** x || y. */
  readonly cosigner: Uint8Array;
  readonly signature: Uint8Array;
}

type Signed = Pick<Cosigned<never>, 'message' | 'cosigner' | 'signature'>;

const HEAD_DATE_BYTES = headDateFields.length * WORD;
const CHALLENGE_DATE_BYTES = challengeDateFields.length * WORD;

export const COSIGNED_HEAD_BYTES: number = HEAD_DATE_BYTES + KEY_BYTES + SIGNATURE_BYTES;
export const COSIGNED_CHALLENGE_BYTES: number = CHALLENGE_DATE_BYTES + KEY_BYTES + SIGNATURE_BYTES;

/** Words, key, signature: the `evidence` of an archive's anchor of kind "cosignature", or the preimage of a challenge. */
export function encodeCosigned({ message, cosigner, signature }: Signed): Uint8Array {
  if (cosigner.length !== KEY_BYTES) throw new WireError('key_invalid', `a key has ${KEY_BYTES} bytes`);
  if (signature.length !== SIGNATURE_BYTES) {
    throw new WireError('signature_format', `expected ${SIGNATURE_BYTES} bytes, got ${signature.length}`);
  }
  return concatBytes(message, cosigner, signature);
}

export function decodeCosignedHead(bytes: Uint8Array): Cosigned<HeadDate> {
  const signed = split(bytes, HEAD_DATE_BYTES);
  const { tag, ...statement } = decodeWords(headDateFields, signed.message);
  checkTag(tag, HEAD_DATE_TAG);
  checkTime(statement.time);
  return { ...signed, statement };
}

export function decodeCosignedChallenge(bytes: Uint8Array): Cosigned<ChallengeDate> {
  const signed = split(bytes, CHALLENGE_DATE_BYTES);
  const { tag, ...statement } = decodeWords(challengeDateFields, signed.message);
  checkTag(tag, CHALLENGE_DATE_TAG);
  checkTime(statement.time);
  return { ...signed, statement };
}

/** Challenges are made from other words too (a block's): only one that begins with this tag claims to be dated so. */
export function isCosignedChallenge(preimage: Uint8Array): boolean {
  return tagWord(CHALLENGE_DATE_TAG).every((byte, index) => byte === preimage[index]);
}

function split(bytes: Uint8Array, messageBytes: number): Signed {
  const length = messageBytes + KEY_BYTES + SIGNATURE_BYTES;
  if (bytes.length < length) throw new WireError('truncated', `expected ${length} bytes`, { offset: bytes.length });
  if (bytes.length > length) throw new WireError('trailing_bytes', `expected ${length} bytes`, { offset: length });
  const keyEnd = messageBytes + KEY_BYTES;
  return {
    message: bytes.slice(0, messageBytes),
    cosigner: bytes.slice(messageBytes, keyEnd),
    signature: bytes.slice(keyEnd),
  };
}

function checkTag(tag: Uint8Array, expected: string): void {
  const word = tagWord(expected);
  if (tag.some((byte, index) => byte !== word[index])) {
    throw new WireError('tag_mismatch', `expected "${expected}"`, { field: 'tag' });
  }
}

/** Beyond it no calendar that we print has a date. */
function checkTime(time: bigint): void {
  if (time > MOST_SECONDS) throw new WireError('integer_out_of_range', 'no such time', { field: 'time' });
}
