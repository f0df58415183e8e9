import { byPart, type Directory, ENTRY_BYTES, FAN, LEVELS, partsOf, rowKey } from './lists.ts';
import type { Put, Store, StoreReader } from './store.ts';

/** A list of a million receipts takes eight thousand parts to become one: twice that much is done while as many arrive. */
const RECEIPTS_PER_PART = 64;

/**
 * Merges some parts of lists, as many as go with so many new receipts: whoever sends them pays for it, and no commit has to
 * do a whole list. A part's rows and the row that they become change in one commit, so that a search finds each once.
 */
export function mergePuts(
  store: Pick<Store, 'salt'>,
  reader: StoreReader,
  log: Uint8Array,
  { directory, added }: { readonly directory: Directory; readonly added: number },
): { readonly puts: readonly Put[]; readonly directory: Directory } {
  const puts: Put[] = [];
  let now = begin(directory);
  for (let left = Math.ceil(added / RECEIPTS_PER_PART); left > 0 && now.merging !== 'none'; left--) {
    const { level, next } = now.merging;
    const froms = (now.lists[level] as readonly number[]).slice(0, FAN);
    puts.push(...partPuts(store, reader, log, { level, part: next, froms }));
    now = begin(next + 1 < partsOf(level) ? { ...now, merging: { level, next: next + 1 } } : merged(now, level));
  }
  return { puts, directory: now };
}

/** Where enough lists wait. */
function begin(directory: Directory): Directory {
  if (directory.merging !== 'none') return directory;
  const level = directory.lists.slice(0, LEVELS - 1).findIndex((froms) => froms.length >= FAN);
  return level < 0 ? directory : { ...directory, merging: { level, next: 0 } };
}

function merged({ lists }: Directory, level: number): Directory {
  const [first] = lists[level] as readonly [number];
  return {
    lists: lists.map((froms, at) => {
      if (at === level) return froms.slice(FAN);
      return at === level + 1 ? [...froms, first] : froms;
    }),
    merging: 'none',
  };
}

interface Part {
  readonly level: number;
  readonly part: number;
  readonly froms: readonly number[];
}

function partPuts(
  { salt }: Pick<Store, 'salt'>,
  reader: StoreReader,
  log: Uint8Array,
  { level, part, froms }: Part,
): readonly Put[] {
  const puts: Put[] = [];
  const entries: Uint8Array[] = [];
  for (const from of froms) {
    const key = rowKey(log, { level, part, from });
    const value = reader.get('requests', key);
    if (value === undefined) continue;
    puts.push({ table: 'requests', key, value: null });
    for (let at = 0; at < value.length; at += ENTRY_BYTES) entries.push(value.subarray(at, at + ENTRY_BYTES));
  }
  const [from] = froms as readonly [number];
  for (const [to, value] of byPart(salt, level + 1, entries)) {
    puts.push({ table: 'requests', key: rowKey(log, { level: level + 1, part: to, from }), value });
  }
  return puts;
}
