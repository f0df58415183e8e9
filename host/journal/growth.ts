import { equalBytes, isZero } from '../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../wire/codec/cbor.ts';
import { limits } from '../../wire/limits.ts';
import type { Entries } from '../../wire/message/link.ts';
import { treeRoot } from '../../wire/tree/index.ts';
import { type CheckedEntries, checkForm, checkSignature, type LogOwner, leafHash } from './append.ts';
import { chunkPuts, itemAt, RECEIPTS } from './chunks.ts';
import { JournalError } from './errors.ts';
import { encodeHead } from './heads.ts';
import { chargeKey, executionKey, nameOf, placeKey, u48 } from './keys.ts';
import { extentOf, extentPut, listPuts } from './requests.ts';
import type { Put, Store, StoreReader } from './store.ts';
import { type Grown, growTail, readTail, type Tail, tilePuts } from './tail.ts';
import { tileReader } from './tiles.ts';

/** What became of one worker's entries: how many leaves there are with them, or why they are not kept. */
export type Outcome = { readonly size: number } | { readonly refusal: JournalError };

export interface Growth {
  readonly puts: readonly Put[];
  /** One for each of the entries. */
  readonly outcomes: readonly Outcome[];
  /** What the log ends with when this is committed. */
  readonly tail: Tail;
}

export interface GrowthOptions {
  readonly reader: StoreReader;
  readonly store: Pick<Store, 'range' | 'salt'>;
  readonly owner: LogOwner;
  /** As the last commit left it, where that is remembered. */
  readonly tail: Tail | undefined;
}

/**
 * All entries of one log that wait together. Adds what is new and accepts again what is stored already (a worker repeats
 * whatever was not acknowledged). Different bytes in one place are an equivocation of the worker: both sides are kept, and
 * nothing else of those entries is. Each stands or falls alone.
 *
 * Of the heads that fit, the signature of the last is checked, which signs for all leaves before it; the others are marked,
 * and checked by whoever reads them. A signature costs more than all else that is done for ten receipts.
 */
export function growLog(options: GrowthOptions, arrived: readonly Entries[]): Growth {
  const quick = grow(options, arrived, () => undefined);
  const newest = quick.newest;
  if (newest === undefined || holds(options.owner, newest)) return quick;
  return grow(options, arrived, (entries) => checkSignature(options.owner, entries));
}

function holds(owner: LogOwner, entries: Entries): boolean {
  try {
    checkSignature(owner, entries);
    return true;
  } catch (error) {
    if (error instanceof JournalError) return false;
    throw error;
  }
}

function grow(
  { reader, store, owner, tail: remembered }: GrowthOptions,
  arrived: readonly Entries[],
  checkHead: (entries: Entries) => void,
): Growth & { readonly newest: Entries | undefined } {
  const { log } = owner;
  const extent = extentOf(reader, log);
  const start = extent.size;
  // After a commit that failed, what is remembered never came about.
  const stored = remembered?.size === start ? remembered : readTail(reader, log, start);
  let tail: Grown = stored;
  const added: CheckedEntries[] = [];
  const fresh: Uint8Array[] = [];
  const leaves: Uint8Array[] = [];
  const hashes: Uint8Array[][] = [];
  const heads = new Map<number, Entries>();
  const conflicts: Put[] = [];

  function leafAt(index: number): Uint8Array {
    return index < start ? tileReader(reader, log, start)(0, index) : (leaves[index - start] as Uint8Array);
  }

  function rootAt(size: number): Uint8Array {
    if (size < start) return treeRoot(tileReader(reader, log, start), size);
    return growTail(stored, leaves.slice(0, size - start)).tail.root;
  }

  function conflict(checked: CheckedEntries, position: number, sides: Sides): Outcome {
    const { entries, head } = checked;
    checkSignature(owner, entries);
    const refusal = new JournalError('journal_conflict', `the worker said two things about ${position}`);
    const taken = Array.from({ length: limits.journalConflicts }, (_, number) => placeKey(log, number));
    const key = taken.slice(conflicts.length).find((candidate) => reader.get('conflicts', candidate) === undefined);
    const pending = heads.get(head.size);
    const stood =
      reader.get('heads', placeKey(log, head.size)) ??
      (pending === undefined ? null : encodeHead(pending, 'unchecked'));
    const value = encodeCbor(
      new Map<string, CborValue>([
        ['position', position],
        ['stored', sides.stored ?? null],
        ['offered', sides.offered],
        ['head', entries.head],
        ['signature', entries.signature],
        ['storedHead', stood === null ? null : stood.slice(0, entries.head.length + entries.signature.length)],
      ]),
    );
    if (key !== undefined) conflicts.push({ table: 'conflicts', key, value });
    return { refusal };
  }

  function add(checked: CheckedEntries): Outcome {
    const { entries, head } = checked;
    const { from, receipts } = entries;
    if (from > tail.size) {
      throw new JournalError('journal_gap', `entries start at ${from}, the journal ends at ${tail.size}`);
    }
    const repeated = receipts.slice(0, tail.size - from);
    for (const [offset, offered] of repeated.entries()) {
      const index = from + offset;
      // The leaf outlives the receipt (see retention.ts), and says the same about it.
      if (equalBytes(leafAt(index), leafHash(offered))) continue;
      const before = index < start ? itemAt(store, RECEIPTS, { log, index }) : fresh[index - start];
      return conflict(checked, index, { stored: before, offered });
    }
    const more = receipts.slice(repeated.length);
    const moreLeaves = more.map(leafHash);
    const grown = more.length > 0 ? growTail(tail, moreLeaves) : undefined;
    const root = grown?.tail.root ?? rootAt(head.size);
    if (!equalBytes(root, head.root)) return conflict(checked, head.size, { stored: root, offered: head.root });
    if (grown !== undefined) {
      tail = grown.tail;
      fresh.push(...more);
      leaves.push(...moreLeaves);
      for (const [level, list] of grown.hashes.entries()) {
        hashes[level] ??= [];
        hashes[level].push(...list);
      }
    }
    added.push(checked);
    if (!heads.has(head.size)) heads.set(head.size, entries);
    return { size: tail.size };
  }

  const outcomes = arrived.map((entries): Outcome => {
    try {
      const checked = checkForm(owner, entries);
      checkHead(entries);
      return add(checked);
    } catch (error) {
      if (error instanceof JournalError) return { refusal: error };
      throw error;
    }
  });
  const newest = heads.get(tail.size);
  const list = listPuts(store, reader, log, { extent, added: fresh.length });
  const tiles = tilePuts(log, stored, hashes);
  const puts = [
    ...chunkPuts(log, start, fresh),
    ...list.puts,
    ...executionPuts(reader, log, added, start),
    ...chargePuts(log, added, start),
    ...tiles.puts,
    ...headPuts(reader, log, heads, newest),
    ...(tail.size > start ? [extentPut(log, { size: tail.size, listed: list.listed })] : []),
    ...conflicts,
  ];
  return { puts, outcomes, tail: { ...tail, edges: tiles.edges }, newest };
}

interface Sides {
  readonly stored: Uint8Array | undefined;
  readonly offered: Uint8Array;
}

/** What many receipts share is written once. */
function executionPuts(
  reader: StoreReader,
  log: Uint8Array,
  added: readonly CheckedEntries[],
  start: number,
): readonly Put[] {
  const puts = new Map<string, Put>();
  let last: Uint8Array | undefined;
  for (const { entries, receipts } of added) {
    for (const [offset, { execution }] of receipts.entries()) {
      if (entries.from + offset < start || (last !== undefined && equalBytes(last, execution))) continue;
      last = execution;
      const name = nameOf(execution);
      const key = executionKey(log, execution);
      if (puts.has(name) || reader.get('executions', key) !== undefined) continue;
      puts.set(name, { table: 'executions', key, value: entries.executions[offset] as Uint8Array });
    }
  }
  return [...puts.values()];
}

/** Sums grow with the index: the last receipt of a channel is the one that is claimed with. */
function chargePuts(log: Uint8Array, added: readonly CheckedEntries[], start: number): readonly Put[] {
  const last = new Map<string, number>();
  for (const { entries, receipts } of added) {
    for (const [offset, { channel }] of receipts.entries()) {
      const index = entries.from + offset;
      if (index < start || isZero(channel)) continue;
      const name = nameOf(channel);
      last.set(name, Math.max(index, last.get(name) ?? 0));
    }
  }
  return [...last].map(([name, index]) => ({
    table: 'charges',
    key: chargeKey(log, Uint8Array.from(Buffer.from(name, 'latin1'))),
    value: u48(index),
  }));
}

/** A head is kept as it came first: the same words under a second signature say nothing new. */
function headPuts(
  reader: StoreReader,
  log: Uint8Array,
  heads: ReadonlyMap<number, Entries>,
  newest: Entries | undefined,
): readonly Put[] {
  return [...heads].flatMap(([size, entries]): readonly Put[] => {
    const key = placeKey(log, size);
    if (reader.get('heads', key) !== undefined) return [];
    return [{ table: 'heads', key, value: encodeHead(entries, entries === newest ? 'checked' : 'unchecked') }];
  });
}
