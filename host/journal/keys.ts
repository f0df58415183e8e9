import { concatBytes } from '../../wire/bytes.ts';

/** Keys of the journal's tables. Integers are big-endian, so that LMDB's byte order is their order. */

export function u48(value: number): Uint8Array {
  const out = new Uint8Array(6);
  let rest = value;
  for (let i = 5; i >= 0; i--) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

export function readU48(bytes: Uint8Array, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint16(offset) * 2 ** 32 + view.getUint32(offset + 2);
}

/** A head of a log, or the first of some receipts of it that lie together. */
export function placeKey(log: Uint8Array, position: number): Uint8Array {
  return joinKey(log, NOTHING, position);
}

/** A tile of a log's tree. */
export function tileKey(log: Uint8Array, level: number, index: number): Uint8Array {
  return joinKey(log, Uint8Array.of(level), index);
}

const NOTHING = new Uint8Array(0);

/** Keys are made by the dozen for each receipt and live for a moment: they come from Node's pool. */
function joinKey(first: Uint8Array, second: Uint8Array, position: number): Uint8Array {
  const length = first.length + second.length;
  const key = Buffer.allocUnsafe(length + 6);
  key.set(first, 0);
  key.set(second, first.length);
  key.writeUIntBE(position, length, 6);
  return key;
}

/** How receipts of a log were run. Kept for each log, so that it can go with it. */
export function executionKey(log: Uint8Array, execution: Uint8Array): Uint8Array {
  return concatBytes(log, execution);
}

/** What one channel owes in one log. */
export function chargeKey(log: Uint8Array, channel: Uint8Array): Uint8Array {
  return concatBytes(log, channel);
}

/** Bytes as the key of a map. */
export function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** The smallest key beyond every key that starts with `prefix`; prefixes are hashes or counters, never all ones. */
export function keyAfter(prefix: Uint8Array): Uint8Array {
  return concatBytes(prefix, new Uint8Array(64).fill(0xff));
}

/** All keys that are names of logs: hashes, of which none is all zeros or all ones. */
export const logKeys: { readonly start: Uint8Array; readonly end: Uint8Array } = {
  start: new Uint8Array(1),
  end: keyAfter(NOTHING),
};
