import { concatBytes } from '../../wire/bytes.ts';
import { WORD } from '../../wire/words.ts';
import { readU48, u48 } from './keys.ts';
import type { Put, StoreReader } from './store.ts';

/**
 * Lists of requests lie in levels. One of the lowest level has the requests of some thousand receipts in 256 parts, a row
 * each; as many as `FAN` of them become one of the next level, which has as many times the parts, and so rows of the same
 * size. A search reads a row of each list: some dozens of them for any number of receipts below the top, and there one for
 * each million.
 */
export const FAN = 16;
export const LEVELS = 3;
const LOWEST_PARTS = 256;
const HIGHEST_PARTS = 65_536;
/** The next prime: what is left of it are nearly even parts. */
const PRIME = 65_537;

export const ENTRY_BYTES: number = WORD + 6;

export function partsOf(level: number): number {
  return LOWEST_PARTS * FAN ** level;
}

/**
 * Which part of a level a request is in. Not a hash that anything rests on: it only has to be unforeseeable for whoever
 * does not know the journal's own random number, so that requests which somebody made up do not all fall into one. Parts of
 * a level divide those below it.
 */
export function partOf(salt: Uint8Array, request: Uint8Array, level: number): number {
  let sum = 0;
  for (let i = 0; i < WORD; i++) sum += (salt[i] as number) * (request[i] as number);
  return Math.floor(((sum % PRIME) % HIGHEST_PARTS) / (HIGHEST_PARTS / partsOf(level)));
}

/** Rows of one part of a level, of all logs or of one. */
export function partKey(level: number, part: number, log: Uint8Array = NOTHING): Uint8Array {
  return concatBytes(Uint8Array.of(level, part >> 8, part & 0xff), log);
}

const NOTHING = new Uint8Array(0);

/** One part of a list, which is named by the first receipt that it has. */
export interface Row {
  readonly level: number;
  readonly part: number;
  readonly from: number;
}

export function rowKey(log: Uint8Array, { level, part, from }: Row): Uint8Array {
  return concatBytes(partKey(level, part, log), u48(from));
}

/** Of the key of a row. */
export function logOfRow(key: Uint8Array): Uint8Array {
  return key.slice(3, 3 + WORD);
}

/** Which lists a log has, and how far those are that become one. */
export interface Directory {
  /** By level, the oldest first: each by the first receipt that it has. */
  readonly lists: readonly (readonly number[])[];
  readonly merging: Merging | 'none';
}

/** The first `FAN` lists of a level become one of the next. Parts below `next` have. */
export interface Merging {
  readonly level: number;
  readonly next: number;
}

/** No level has this number. */
const DIRECTORY = 0xff;

export function directoryKey(log: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(DIRECTORY), log);
}

export function readDirectory(reader: Pick<StoreReader, 'get'>, log: Uint8Array): Directory {
  const bytes = reader.get('requests', directoryKey(log));
  if (bytes === undefined) return { lists: Array.from({ length: LEVELS }, () => []), merging: 'none' };
  const [level, high, low] = bytes as unknown as readonly [number, number, number];
  let at = 3;
  const lists = Array.from({ length: LEVELS }, () => {
    const count = readU48(bytes, at);
    at += 6;
    return Array.from({ length: count }, () => {
      at += 6;
      return readU48(bytes, at - 6);
    });
  });
  return { lists, merging: level === DIRECTORY ? 'none' : { level, next: 256 * high + low } };
}

export function directoryPut(log: Uint8Array, { lists, merging }: Directory): Put {
  const { level, next } = merging === 'none' ? { level: DIRECTORY, next: 0 } : merging;
  const value = concatBytes(
    Uint8Array.of(level, next >> 8, next & 0xff),
    ...lists.flatMap((froms) => [u48(froms.length), ...froms.map(u48)]),
  );
  return { table: 'requests', key: directoryKey(log), value };
}

/** Requests with their receipts' places, by part. Parts without any are left out. */
export function byPart(salt: Uint8Array, level: number, entries: readonly Uint8Array[]): ReadonlyMap<number, Buffer> {
  const parts = new Map<number, Uint8Array[]>();
  for (const entry of entries) {
    const part = partOf(salt, entry, level);
    const list = parts.get(part);
    if (list === undefined) parts.set(part, [entry]);
    else list.push(entry);
  }
  return new Map([...parts].map(([part, list]) => [part, Buffer.concat(list)]));
}

export function entryOf(request: Uint8Array, index: number): Uint8Array {
  const entry = Buffer.allocUnsafe(ENTRY_BYTES);
  entry.set(request.subarray(0, WORD), 0);
  entry.writeUIntBE(index, WORD, 6);
  return entry;
}
