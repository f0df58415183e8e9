import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { addressWord, bytes32Word, decodeWords, encodeWords, tagWord, uintWord, type WordRecord } from '../words.ts';
import { ALL_FLAGS } from './request.ts';

/** DESIGN section 4: what a worker says about one request. It carries no time of its own. */
export const receiptLayout = [
  { name: 'requestId', kind: 'bytes32' },
  { name: 'channel', kind: 'bytes32' },
  { name: 'modelId', kind: 'bytes32' },
  { name: 'requestHash', kind: 'bytes32' },
  { name: 'responseHash', kind: 'bytes32' },
  { name: 'commitment', kind: 'bytes32' },
  { name: 'execution', kind: 'bytes32' },
  { name: 'flags', kind: 'uint', bits: 8 },
  { name: 'status', kind: 'uint', bits: 8 },
  { name: 'fee', kind: 'uint', bits: 128 },
  { name: 'cumulativeFee', kind: 'uint', bits: 128 },
  { name: 'deadline', kind: 'uint', bits: 64 },
  { name: 'index', kind: 'uint', bits: 48 },
] as const;

export type Receipt = WordRecord<typeof receiptLayout>;

export const RECEIPT_BYTES: number = 13 * 32;

/** 0 and 1 charge; only 0 fulfils an escrow. */
export const status = { ok: 0n, cancelled: 1n, modelError: 2n, stopped: 3n, refused: 4n } as const;

export type StatusName = keyof typeof status;

const statusNames = Object.keys(status) as readonly StatusName[];

export function statusName(value: bigint): StatusName {
  const name = statusNames[Number(value)];
  if (name !== undefined) return name;
  throw new WireError('field_invalid', 'unknown status', { field: 'status' });
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  assertMeaning(receipt);
  return encodeWords(receiptLayout, receipt);
}

export function decodeReceipt(bytes: Uint8Array): Receipt {
  const receipt = decodeWords(receiptLayout, bytes);
  assertMeaning(receipt);
  return receipt;
}

function assertMeaning(receipt: Receipt): void {
  statusName(receipt.status);
  if ((receipt.flags & ~ALL_FLAGS) !== 0n) throw new WireError('field_invalid', 'unknown flag', { field: 'flags' });
}

/** RFC 6962: a leaf is hashed with the prefix 0x00, so that no inner node can pass for one. */
export function leafPreimage(receiptBytes: Uint8Array): Uint8Array {
  if (receiptBytes.length !== RECEIPT_BYTES) throw new WireError('word_invalid', 'not a receipt');
  return concatBytes(Uint8Array.of(0x00), receiptBytes);
}

export interface TreeHead {
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly log: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
}

export const HEAD_BYTES: number = 6 * 32;

const headFields = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'chainId', kind: 'uint', bits: 256 },
  { name: 'settlement', kind: 'address' },
  { name: 'log', kind: 'bytes32' },
  { name: 'size', kind: 'uint', bits: 48 },
  { name: 'root', kind: 'bytes32' },
] as const;

const HEAD_TAG = 'proofmark head v1';

/** The six words that a worker's signer signs. */
export function encodeTreeHead(head: TreeHead): Uint8Array {
  if (!Number.isSafeInteger(head.size) || head.size < 0 || head.size > limits.treeSize) {
    throw new WireError('integer_out_of_range', 'not a tree size', { field: 'size' });
  }
  return concatBytes(
    tagWord(HEAD_TAG),
    uintWord(head.chainId),
    addressWord(head.settlement),
    bytes32Word(head.log),
    uintWord(BigInt(head.size), 48),
    bytes32Word(head.root),
  );
}

export function decodeTreeHead(bytes: Uint8Array): TreeHead {
  const { tag, size, ...rest } = decodeWords(headFields, bytes);
  const expected = tagWord(HEAD_TAG);
  if (tag.some((byte, index) => byte !== expected[index])) {
    throw new WireError('tag_mismatch', `expected "${HEAD_TAG}"`, { field: 'tag' });
  }
  return { ...rest, size: Number(size) };
}
