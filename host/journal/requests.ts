import { concatBytes, toHex } from '../../wire/bytes.ts';
import { RECEIPT_BYTES } from '../../wire/message/receipt.ts';
import { WORD } from '../../wire/words.ts';
import { receiptsBetween } from './chunks.ts';
import { keyAfter, logKeys, readU48, u48 } from './keys.ts';
import {
  byPart,
  type Directory,
  directoryKey,
  directoryPut,
  ENTRY_BYTES,
  entryOf,
  LEVELS,
  logOfRow,
  partKey,
  partOf,
  partsOf,
  readDirectory,
  rowKey,
} from './lists.ts';
import { mergePuts } from './merging.ts';
import type { Put, Store, StoreReader } from './store.ts';

export interface Place {
  readonly log: Uint8Array;
  readonly index: number;
}

/**
 * Which receipts a request has. A row for each would change a page of its own, since requests are random numbers: it was the
 * dearest part of a receipt. So thousands are listed at once (lists.ts); a search reads one part of every list, and the
 * receipts that are not listed yet.
 */
const LISTED_TOGETHER = 4_096;
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

interface Listing {
  readonly extent: Extent;
  /** Receipts that come with this commit: so much of the lists' upkeep goes with it. */
  readonly added: number;
}

/** Lists what is stored and not listed, once it is enough, and merges lists. Gives how far the log is listed then. */
export function listPuts(
  store: Pick<Store, 'range' | 'salt'>,
  reader: StoreReader,
  log: Uint8Array,
  { extent, added }: Listing,
): { readonly puts: readonly Put[]; readonly listed: number } {
  const known = readDirectory(reader, log);
  const isEnough = extent.size - extent.listed >= LISTED_TOGETHER;
  const list = isEnough ? newList(store, log, { extent, directory: known }) : { puts: [], directory: known };
  const merging = mergePuts(store, reader, log, { directory: list.directory, added });
  const changed = merging.directory === known ? [] : [directoryPut(log, merging.directory)];
  return { puts: [...list.puts, ...merging.puts, ...changed], listed: isEnough ? extent.size : extent.listed };
}

function newList(
  store: Pick<Store, 'range' | 'salt'>,
  log: Uint8Array,
  { extent, directory }: { readonly extent: Extent; readonly directory: Directory },
): { readonly puts: readonly Put[]; readonly directory: Directory } {
  const { size, listed: from } = extent;
  const receipts = receiptsBetween(store, log, { from, end: size });
  const entries = receipts.map((receipt, offset) => entryOf(receipt, from + offset));
  const puts = [...byPart(store.salt, 0, entries)].map(
    ([part, value]): Put => ({ table: 'requests', key: rowKey(log, { level: 0, part, from }), value }),
  );
  const [lowest = [], ...higher] = directory.lists;
  return { puts, directory: { ...directory, lists: [[...lowest, from], ...higher] } };
}

/** Lists all that is left, of logs that nobody adds to: a search would read their receipts each time. */
export function listRest(store: Pick<Store, 'range' | 'salt'>, reader: StoreReader, log: Uint8Array): readonly Put[] {
  const extent = extentOf(reader, log);
  if (extent.size === extent.listed) return [];
  const list = newList(store, log, { extent, directory: readDirectory(reader, log) });
  return [...list.puts, directoryPut(log, list.directory), extentPut(log, { ...extent, listed: extent.size })];
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
  const found: Place[] = [];
  for (let level = 0; level < LEVELS; level++) {
    const start = partKey(level, partOf(store.salt, requestId, level));
    for (const { key, value } of store.range('requests', { start, end: keyAfter(start), limit: ALL })) {
      for (const at of placesIn(value, ENTRY_BYTES, requestId)) {
        if (found.length < limit) found.push({ log: logOfRow(key), index: readU48(value, at + WORD) });
      }
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

/** What goes with a log that is dropped, its receipts having gone before: the directory last, which tells of the others. */
export function* requestRows(store: Pick<Store, 'get'>, log: Uint8Array): Generator<Put> {
  const { lists, merging } = readDirectory(store, log);
  for (const [level, froms] of lists.entries()) {
    for (const from of froms) yield* rowsOf(store, log, { level, from });
  }
  // Of a list that is being made of others some rows are there.
  const [first] = merging === 'none' ? [] : (lists[merging.level] as readonly number[]);
  if (merging !== 'none' && first !== undefined) yield* rowsOf(store, log, { level: merging.level + 1, from: first });
  yield { table: 'requests', key: directoryKey(log), value: null };
}

function* rowsOf(
  store: Pick<Store, 'get'>,
  log: Uint8Array,
  { level, from }: { readonly level: number; readonly from: number },
): Generator<Put> {
  for (let part = 0; part < partsOf(level); part++) {
    const key = rowKey(log, { level, part, from });
    if (store.get('requests', key) !== undefined) yield { table: 'requests', key, value: null };
  }
}

/** Of receipts that lie in one row. */
export function requestIdsOf(receipts: Uint8Array): Uint8Array {
  const count = receipts.length / RECEIPT_BYTES;
  return concatBytes(
    ...Array.from({ length: count }, (_, i) => receipts.subarray(i * RECEIPT_BYTES).subarray(0, WORD)),
  );
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
