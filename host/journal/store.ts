import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import { equalBytes } from '../../wire/bytes.ts';
import { COMMIT_BYTES, commitFailure } from './commit-failure.ts';
import { dataFile, openPlace } from './directory.ts';
import { JournalError } from './errors.ts';
import { logKeys, nameOf } from './keys.ts';
import { type Environment, openEnvironment, type RangeOptions, type Table } from './lmdb.ts';

export const tableNames = [
  /** In which way everything else is written. */
  'format',
  'logs',
  /** When a log's worker was last heard of. */
  'seen',
  'evidence',
  'sizes',
  /** Receipts, as many of them in a row as were committed together (chunks.ts). */
  'chunks',
  /** The requests of receipts that are no longer kept: what was dropped can be told from what never was. */
  'dropped',
  'executions',
  'requests',
  'tiles',
  'heads',
  'conflicts',
  'channels',
  'vouchers',
  'charges',
] as const;

export type TableName = (typeof tableNames)[number];

export interface Put {
  readonly table: TableName;
  readonly key: Uint8Array;
  /** Null takes the row away. */
  readonly value: Uint8Array | null;
}

export interface StoreReader {
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
}

/** What one writer wants done: what to store, and, when it is refused all the same, why. */
export interface Plan<T> {
  readonly puts: readonly Put[];
  readonly outcome: { readonly value: T } | { readonly refusal: JournalError };
  /** `given`: it makes room, and must be let do so when there is none. */
  readonly room?: 'needed' | 'given';
}

export interface Store extends StoreReader {
  /** Drawn when the journal was made: what nobody outside can foresee. */
  readonly salt: Uint8Array;
  range(table: TableName, options: RangeOptions): readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  /**
   * Runs `plan` against everything that was written before it, then commits what it puts. Plans that wait together are
   * committed together. Resolves when the data is synced; a plan that throws or refuses fails alone.
   */
  write<T>(plan: (reader: StoreReader) => Plan<T>): Promise<T>;
  /** The same a little later, with whatever comes meanwhile: for what nobody waits for. */
  writeSoon<T>(plan: (reader: StoreReader) => Plan<T>): Promise<T>;
  /** What waits to be gathered waits no longer. */
  flush(): void;
  /** Runs plans at once, before anything else was written; those that throw or refuse change nothing. */
  writeNow(plans: readonly ((reader: StoreReader) => Plan<unknown>)[]): void;
  /** What the tables take; LMDB keeps the pages of removed rows in the file, and uses them again. */
  usedBytes(): number;
  close(): Promise<void>;
}

interface Job {
  run(reader: StoreReader): Pick<Plan<unknown>, 'puts' | 'room'>;
  done(): void;
  fail(error: unknown): void;
}

/** One part in so many of the largest size stays free once the file has reached it. */
const SLACK = 16;
const NOTHING = new Uint8Array(0);
/** A commit costs as much for one receipt as for a hundred, and these are written ahead. */
const GATHER_MILLISECONDS = 50;
/** LMDB cannot close after some failed commits; nothing is lost by leaving then. */
const CLOSE_MILLISECONDS = 2_000;

export function openStore(directory: string, options: { readonly maxBytes: number }): Store {
  const place = openPlace(directory);
  const environment = openEnvironment(place.path, tableNames.length + 1);
  const tables = Object.fromEntries(
    tableNames.map((name) => [name, environment.openDB({ name, encoding: 'binary', keyEncoding: 'binary' })]),
  ) as Record<TableName, Table>;
  const salt = takeFormat(environment, tables);
  place.publish();
  let waiting: Job[] = [];
  let draining: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;
  /** Something in line is waited for, or has waited long enough. */
  let due = false;
  let closed = false;

  function get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return copyOf(tables[table].getBinary(key));
  }

  function enqueue<T>(plan: (reader: StoreReader) => Plan<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (closed) throw new JournalError('journal_closed', 'the journal is closed');
      let settle = (): void => undefined;
      waiting.push({
        run(reader) {
          const planned = plan(reader);
          const { outcome } = planned;
          settle = () => ('value' in outcome ? resolve(outcome.value) : reject(outcome.refusal));
          return planned;
        },
        done: () => settle(),
        fail: reject,
      });
    });
  }

  function start(): void {
    clearTimeout(soon);
    soon = undefined;
    due = true;
    draining ??= Promise.resolve().then(drain);
  }

  function startSoon(): void {
    soon ??= setTimeout(start, GATHER_MILLISECONDS);
  }

  async function drain(): Promise<void> {
    while (due) {
      due = false;
      const jobs = waiting;
      waiting = [];
      await commitTogether(jobs);
    }
    draining = undefined;
    // What came during a commit and nobody waits for gathers as it would have without one.
    if (waiting.length > 0) startSoon();
  }

  /** Sees what is stored, and before it what `puts` holds by then. */
  function readerOver(puts: readonly Put[]): StoreReader {
    const pending = pendingPuts(puts);
    return {
      get: (table, key) => {
        const put = pending(table, key);
        return put === undefined ? get(table, key) : (put ?? undefined);
      },
    };
  }

  async function commitTogether(jobs: readonly Job[]): Promise<void> {
    const puts: Put[] = [];
    let needed = 0;
    const reader = readerOver(puts);
    const planned: Job[] = [];
    for (const job of jobs) {
      try {
        const { puts: wanted, room } = job.run(reader);
        for (const put of wanted) puts.push(put);
        if (room !== 'given') needed += wanted.reduce((sum, put) => sum + put.key.length + (put.value?.length ?? 0), 0);
        planned.push(job);
      } catch (error) {
        job.fail(error);
      }
    }
    try {
      if (needed > 0 && !hasRoom(2 * needed + COMMIT_BYTES)) {
        throw new JournalError('journal_full', 'the journal has reached its largest size');
      }
      if (puts.length > 0) await commit(puts);
    } catch (error) {
      for (const job of planned) job.fail(error);
      return;
    }
    for (const job of planned) job.done();
  }

  function hasRoom(bytes: number): boolean {
    if (statSync(dataFile(directory)).size + bytes <= options.maxBytes) return true;
    // Free pages are found one by one and wait for readers: some of them are left out of the sum.
    return usedBytes() + bytes + options.maxBytes / SLACK <= options.maxBytes;
  }

  function usedBytes(): number {
    const stats = Object.values(tables).map((table) => table.getStats());
    const first = stats[0] as (typeof stats)[number];
    const pages = [...stats, first.root, first.free].reduce(
      (sum, { treeBranchPageCount, treeLeafPageCount, overflowPages }) =>
        sum + treeBranchPageCount + treeLeafPageCount + overflowPages,
      2,
    );
    return pages * first.pageSize;
  }

  async function commit(puts: readonly Put[]): Promise<void> {
    try {
      const values = inOnePiece(puts.map(({ value }) => value ?? NOTHING));
      await environment.batch(() => {
        let part: Promise<boolean> | undefined;
        for (const [i, { table, key, value }] of puts.entries()) {
          const to = tables[table];
          const promise = value === null ? to.remove(key) : to.put(key, values[i] as Uint8Array);
          // The batch answers for its parts; a part's own promise, which most share, says nothing more.
          if (promise !== part) promise.catch(() => undefined);
          part = promise;
        }
      });
    } catch (error) {
      throw await commitFailure(error, directory);
    }
  }

  return {
    salt,
    get,
    range: (table, range) =>
      Array.from(tables[table].getRange(range), ({ key, value }) => ({
        key: Uint8Array.from(key),
        value: Uint8Array.from(value),
      })),
    write(plan) {
      const written = enqueue(plan);
      start();
      return written;
    },
    writeSoon(plan) {
      const written = enqueue(plan);
      if (draining === undefined) startSoon();
      return written;
    },
    flush() {
      if (waiting.length > 0) start();
    },
    writeNow(plans) {
      const puts: Put[] = [];
      const reader = readerOver(puts);
      for (const plan of plans) {
        try {
          for (const put of plan(reader).puts) puts.push(put);
        } catch (error) {
          if (!(error instanceof JournalError)) throw error;
        }
      }
      if (puts.length === 0) return;
      try {
        environment.transactionSync(() => {
          for (const { table, key, value } of puts) {
            if (value === null) tables[table].removeSync(key);
            else tables[table].putSync(key, value);
          }
        });
      } catch (cause) {
        throw new JournalError('journal_failed', 'what was left to write cannot be written', { cause });
      }
    },
    usedBytes,
    async close() {
      closed = true;
      if (waiting.length > 0) start();
      await draining;
      await Promise.race([environment.close(), later(CLOSE_MILLISECONDS, undefined, { ref: false })]);
    },
  };
}

/** Counts what this program could not read rightly if it did not know of it. */
const FORMAT = Uint8Array.of(3);

/** Gives the journal's own random number, which is made with it. */
function takeFormat(environment: Environment, { format, logs }: Record<TableName, Table>): Uint8Array {
  const found = copyOf(format.getBinary(FORMAT_KEY));
  const salt = copyOf(format.getBinary(SALT_KEY));
  if (found !== undefined && salt !== undefined && equalBytes(found, FORMAT)) return salt;
  const holdsLogs = [...logs.getRange({ ...logKeys, limit: 1 })].length > 0;
  if (found !== undefined || holdsLogs) {
    const advice = 'export its logs with that version (`proofmark log export`) and import them into a new journal';
    throw new JournalError('journal_outdated', `it was written by another version: ${advice}`);
  }
  const drawn = randomBytes(SALT_BYTES);
  environment.transactionSync(() => {
    format.putSync(FORMAT_KEY, FORMAT);
    format.putSync(SALT_KEY, drawn);
  });
  return Uint8Array.from(drawn);
}

/** What LMDB returns may be reused by its next read. */
function copyOf(value: Uint8Array | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : Uint8Array.from(value);
}

const FORMAT_KEY = Uint8Array.of(1);
const SALT_KEY = Uint8Array.of(2);
const SALT_BYTES = 32;

/** LMDB takes the address of what is written: asked once for a commit, it costs a call, and for each value it costs a copy. */
function inOnePiece(values: readonly Uint8Array[]): readonly Uint8Array[] {
  const whole = new Uint8Array(values.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  return values.map((value) => {
    whole.set(value, offset);
    offset += value.length;
    return whole.subarray(offset - value.length, offset);
  });
}

/** Finds what earlier jobs of the same commit put. A table is indexed when it is first asked for: most never are. */
function pendingPuts(puts: readonly Put[]): (table: TableName, key: Uint8Array) => Put['value'] | undefined {
  const indexes = new Map<TableName, { readonly values: Map<string, Put['value']>; seen: number }>();
  return (table, key) => {
    if (puts.length === 0) return undefined;
    const index = indexes.get(table) ?? { values: new Map<string, Put['value']>(), seen: 0 };
    indexes.set(table, index);
    for (; index.seen < puts.length; index.seen++) {
      const put = puts[index.seen] as Put;
      if (put.table === table) index.values.set(nameOf(put.key), put.value);
    }
    return index.values.get(nameOf(key));
  };
}
