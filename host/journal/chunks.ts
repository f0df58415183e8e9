import { concatBytes } from '../../wire/bytes.ts';
import { RECEIPT_BYTES } from '../../wire/message/receipt.ts';
import { placeKey, readU48 } from './keys.ts';
import type { Put, Store } from './store.ts';

/**
 * Receipts that are committed together lie in one row, under the index of the first of them: a row costs about as much as
 * a page that it fills. Not more than these, since whoever asks for one receipt has its whole row read.
 */
const CHUNK_RECEIPTS = 64;

export function chunkPuts(log: Uint8Array, from: number, receipts: readonly Uint8Array[]): readonly Put[] {
  const puts: Put[] = [];
  for (let at = 0; at < receipts.length; at += CHUNK_RECEIPTS) {
    const value = concatBytes(...receipts.slice(at, at + CHUNK_RECEIPTS));
    puts.push({ table: 'chunks', key: placeKey(log, from + at), value });
  }
  return puts;
}

/** A table whose rows hold neighbours of so many bytes each. */
export interface ItemTable {
  readonly table: 'chunks' | 'dropped';
  readonly bytes: number;
}

/** What such a table has of a log at an index. */
export function itemAt(
  store: Pick<Store, 'range'>,
  { table, bytes }: ItemTable,
  { log, index }: { readonly log: Uint8Array; readonly index: number },
): Uint8Array | undefined {
  const [row] = store.range(table, { start: placeKey(log, index), end: log, reverse: true, limit: 1 });
  if (row === undefined) return undefined;
  const offset = (index - readU48(row.key, log.length)) * bytes;
  return offset < row.value.length ? row.value.slice(offset, offset + bytes) : undefined;
}

export const RECEIPTS: ItemTable = { table: 'chunks', bytes: RECEIPT_BYTES };
/** The requests of receipts that are no longer kept. */
export const DROPPED: ItemTable = { table: 'dropped', bytes: 32 };

/** Receipts from `from` to before `end`; fewer where not all are kept. */
export function receiptsBetween(
  store: Pick<Store, 'range'>,
  log: Uint8Array,
  { from, end }: { readonly from: number; readonly end: number },
): readonly Uint8Array[] {
  const [before] = store.range('chunks', { start: placeKey(log, from), end: log, reverse: true, limit: 1 });
  const first = before === undefined ? from : readU48(before.key, log.length);
  const rows = store.range('chunks', { start: placeKey(log, first), end: placeKey(log, end), limit: end - first });
  return rows.flatMap(({ key, value }) => {
    const start = readU48(key, log.length);
    const items = splitItems(value, RECEIPT_BYTES);
    return items.slice(Math.max(0, from - start), Math.max(0, end - start));
  });
}

/** Views of the row. */
function splitItems(value: Uint8Array, bytes: number): readonly Uint8Array[] {
  return Array.from({ length: value.length / bytes }, (_, i) => value.subarray(i * bytes, (i + 1) * bytes));
}
