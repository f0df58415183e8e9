import { concatBytes, toHex } from '../../wire/bytes.ts';
import { RECEIPT_BYTES } from '../../wire/message/receipt.ts';
import { WORD } from '../../wire/words.ts';
import { receiptsBetween } from './chunks.ts';
import { keyAfter, logKeys, placeKey, readU48, u48 } from './keys.ts';
import type { Put, Store, StoreReader } from './store.ts';

export interface Place {
  readonly log: Uint8Array;
  readonly index: number;
}

/**
 * Which receipts a request has. A row for each would change a page of its own, since requests are random numbers: it was the
 * dearest part of a receipt. So thousands are listed at once, in 256 parts of a row each; a search reads one part of every
 * list, and the receipts that are not listed yet. Which part it is depends on the journal's own random number, so that
 * requests which somebody made up do not all fall into one.
 */
const LISTED_TOGETHER = 4_096;
const PARTS = 256;
const PRIME = 257;
const ENTRY_BYTES = WORD + 6;
/** Rows are read whole, and only so many exist: one for each part and list. */
const ALL = Number.MAX_SAFE_INTEGER;

/** How far a log goes, and how far its requests are listed. */
export interface Extent {
  readonly size: number;
  readonly listed: number;
}

export function extentOf(reader: StoreReader, log: Uint8Array): Extent {
  const value = reader.get('sizes', log);
  return value === undefined ? { size: 0, listed: 0 } : decodeExtent(value);
}

export function extentPut(log: Uint8Array, { size, listed }: Extent): Put {
  return { table: 'sizes', key: log, value: concatBytes(u48(size), u48(listed)) };
}

function decodeExtent(value: Uint8Array): Extent {
  return { size: readU48(value, 0), listed: readU48(value, 6) };
}

/** Lists what is stored and not listed, once it is enough. Gives how far the log is listed then. */
export function listPuts(
  store: Pick<Store, 'range' | 'salt'>,
  log: Uint8Array,
  { size, listed }: Extent,
  least: number = LISTED_TOGETHER,
): { readonly puts: readonly Put[]; readonly listed: number } {
  if (size - listed < least) return { puts: [], listed };
  const receipts = receiptsBetween(store, log, { from: listed, end: size });
  const parts = receipts.map((receipt) => partOf(store.salt, receipt));
  const counts = new Uint32Array(PARTS);
  for (const part of parts) counts[part] = (counts[part] as number) + 1;
  const lists = Array.from(counts, (count) => Buffer.allocUnsafe(count * ENTRY_BYTES));
  const filled = new Uint32Array(PARTS);
  for (const [offset, receipt] of receipts.entries()) {
    const part = parts[offset] as number;
    const list = lists[part] as Buffer;
    const at = filled[part] as number;
    list.set(receipt.subarray(0, WORD), at);
    list.writeUIntBE(listed + offset, at + WORD, 6);
    filled[part] = at + ENTRY_BYTES;
  }
  const puts = lists.flatMap((value, part): readonly Put[] =>
    value.length === 0
      ? []
      : [{ table: 'requests', key: concatBytes(Uint8Array.of(part), placeKey(log, listed)), value }],
  );
  return { puts, listed: size };
}

/** Lists all that is left, of logs that nobody adds to: a search would read their receipts each time. */
export function listRest(store: Pick<Store, 'range' | 'salt'>, reader: StoreReader, log: Uint8Array): readonly Put[] {
  const extent = extentOf(reader, log);
  const { puts, listed } = listPuts(store, log, extent, 1);
  return puts.length === 0 ? [] : [...puts, extentPut(log, { ...extent, listed })];
}

/**
 * The requests of receipts that are not listed yet, in order, as far as somebody looked for one: whoever may ask is anybody,
 * and reading thousands of receipts for each question took milliseconds.
 */
interface Tail {
  readonly extent: Extent;
  readonly ids: Uint8Array;
}

export type Tails = Map<string, Tail>;

export function createTails(): Tails {
  return new Map();
}

function tailOf(store: Pick<Store, 'range'>, tails: Tails, log: Uint8Array, extent: Extent): Tail {
  const name = toHex(log);
  const { size, listed } = extent;
  const kept = tails.get(name);
  const known = kept?.extent.listed === listed && kept.extent.size <= size ? kept : nothingOf(listed);
  if (known.extent.size === size) return known;
  const receipts = receiptsBetween(store, log, { from: known.extent.size, end: size });
  const tail = { extent, ids: concatBytes(known.ids, ...receipts.map((receipt) => receipt.subarray(0, WORD))) };
  tails.set(name, tail);
  return tail;
}

function nothingOf(listed: number): Tail {
  return { extent: { size: listed, listed }, ids: new Uint8Array(0) };
}

export function findPlaces(
  store: Pick<Store, 'range' | 'salt'>,
  tails: Tails,
  requestId: Uint8Array,
  limit: number,
): readonly Place[] {
  const part = Uint8Array.of(partOf(store.salt, requestId));
  const found: Place[] = [];
  for (const { key, value } of store.range('requests', { start: part, end: keyAfter(part), limit: ALL })) {
    for (const at of placesIn(value, ENTRY_BYTES, requestId)) {
      if (found.length < limit) found.push({ log: key.slice(1, 33), index: readU48(value, at + WORD) });
    }
  }
  for (const { key: log, value } of store.range('sizes', { ...logKeys, limit: ALL })) {
    const extent = decodeExtent(value);
    if (extent.listed === extent.size) {
      tails.delete(toHex(log));
      continue;
    }
    const { ids } = tailOf(store, tails, log, extent);
    const places = placesIn(ids, WORD, requestId).slice(0, limit);
    for (const at of places) found.push({ log, index: extent.listed + at / WORD });
  }
  return found.sort((a, b) => Buffer.compare(a.log, b.log) || a.index - b.index).slice(0, limit);
}

/** Of a log that is dropped; its receipts went before it. */
export function requestRows(store: Pick<Store, 'range'>, log: Uint8Array): readonly Put[] {
  return Array.from({ length: PARTS }, (_, part) => concatBytes(Uint8Array.of(part), log)).flatMap((start) =>
    store
      .range('requests', { start, end: keyAfter(start), limit: ALL })
      .map(({ key }): Put => ({ table: 'requests', key, value: null })),
  );
}

/** Of receipts that lie in one row. */
export function requestIdsOf(receipts: Uint8Array): Uint8Array {
  const count = receipts.length / RECEIPT_BYTES;
  return concatBytes(
    ...Array.from({ length: count }, (_, i) => receipts.subarray(i * RECEIPT_BYTES).subarray(0, WORD)),
  );
}

/** Not a hash that anything rests on: it only has to be unforeseeable for whoever does not know the salt. */
function partOf(salt: Uint8Array, request: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < WORD; i++) sum += (salt[i] as number) * (request[i] as number);
  return (sum % PRIME) % PARTS;
}

/** Where items of `bytes` each begin with the request. */
function placesIn(items: Uint8Array, bytes: number, requestId: Uint8Array): readonly number[] {
  const buffer = Buffer.from(items.buffer, items.byteOffset, items.length);
  const places: number[] = [];
  for (let at = buffer.indexOf(requestId); at >= 0; at = buffer.indexOf(requestId, at + 1)) {
    if (at % bytes === 0) places.push(at);
  }
  return places;
}
