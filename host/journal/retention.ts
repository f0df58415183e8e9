import { RECEIPT_BYTES } from '../../wire/message/receipt.ts';
import { JournalError } from './errors.ts';
import { keyAfter, logKeys, readU48 } from './keys.ts';
import { listRest, requestIdsOf, requestRows } from './requests.ts';
import type { Put, Store, TableName } from './store.ts';

/** What of ended logs is kept for how long. Every part is answered: "never" and "any" are written as words. */
export interface RetentionPolicy {
  /**
   * How long after a worker was last heard of its receipts may still be worth money: a registration's lifetime, and the
   * day for which the settlement takes heads after it (DESIGN section 8). Nothing younger is ever dropped.
   */
  readonly claimableMs: number;
  /** Receipts go so long after their worker was last heard of; tree and heads stay, and so does what they prove. */
  readonly receiptsMs: number | 'never';
  /** So long after, nothing is left of the log but what its worker said twice: evidence against it is kept. */
  readonly logsMs: number | 'never';
  /** From this size on, the oldest logs lose their receipts before their time. */
  readonly bytes: number | 'any';
}

export interface RetentionOptions {
  readonly now: number;
  /** Logs whose worker may still add to them or ask for them. */
  readonly inUse: (log: Uint8Array) => boolean;
}

/** What a run took away. */
export interface Retained {
  readonly receipts: number;
  readonly logs: number;
}

interface EndedLog {
  readonly log: Uint8Array;
  readonly age: number;
}

/** Rows of one commit: receipts that arrive meanwhile wait no longer than for a batch of their own. */
const ROWS = 1_024;
/** The same of rows that hold up to 64 receipts each. */
const CHUNKS = 16;
/** A log for each start of a worker; a machine does not live for so many. */
const MOST_LOGS = 65_536;

export function checkPolicy(policy: RetentionPolicy): void {
  const { claimableMs, receiptsMs, logsMs, bytes } = policy;
  const numbers = [claimableMs, ...[receiptsMs, logsMs, bytes].filter((value) => typeof value === 'number')];
  if (numbers.some((value) => !Number.isSafeInteger(value) || value < 0)) {
    throw new JournalError('policy_invalid', 'times and sizes are whole numbers from 0');
  }
  if (typeof logsMs === 'number' && (receiptsMs === 'never' || logsMs < receiptsMs)) {
    throw new JournalError('policy_invalid', 'a log outlives its receipts');
  }
}

/** Runs beside everything else; a run that was killed is finished by the next. */
export async function retainLogs(store: Store, policy: RetentionPolicy, options: RetentionOptions): Promise<Retained> {
  checkPolicy(policy);
  const { now, inUse } = options;
  let receipts = 0;
  let logs = 0;
  const ended: readonly EndedLog[] = store
    .range('seen', { ...logKeys, limit: MOST_LOGS })
    .map(({ key, value }) => ({ log: key, age: now - readU48(value, 0) }))
    .filter(({ log, age }) => age > policy.claimableMs && !inUse(log))
    .sort((a, b) => b.age - a.age);
  for (const { log, age } of ended) {
    const isOver = (time: number | 'never'): boolean => time !== 'never' && age > time;
    if (isOver(policy.logsMs) && isEmpty(store, 'conflicts', log)) {
      receipts += await dropReceipts(store, log, inUse);
      logs += await dropLog(store, log, inUse);
    } else if (isOver(policy.receiptsMs) || (policy.bytes !== 'any' && store.usedBytes() > policy.bytes)) {
      receipts += await dropReceipts(store, log, inUse);
    }
  }
  return { receipts, logs };
}

async function dropReceipts(store: Store, log: Uint8Array, inUse: RetentionOptions['inUse']): Promise<number> {
  let dropped = 0;
  // What is found by its receipt alone would not be found any more.
  await store.write((reader) => ({ puts: listRest(store, reader, log), outcome: { value: undefined }, room: 'given' }));
  while (!inUse(log)) {
    const rows = store.range('chunks', { start: log, end: keyAfter(log), limit: CHUNKS });
    await change(
      store,
      rows.flatMap(({ key, value: receipts }): readonly Put[] => [
        { table: 'chunks', key, value: null },
        { table: 'dropped', key, value: requestIdsOf(receipts) },
      ]),
    );
    dropped += rows.reduce((sum, { value }) => sum + value.length / RECEIPT_BYTES, 0);
    if (rows.length < CHUNKS) break;
  }
  for (const table of ['executions', 'charges', 'vouchers'] as const) await dropRows(store, table, log, inUse);
  return dropped;
}

/** After its receipts are gone. */
async function dropLog(store: Store, log: Uint8Array, inUse: RetentionOptions['inUse']): Promise<number> {
  const rows = requestRows(store, log);
  for (let some = take(rows, ROWS); some.length > 0 && !inUse(log); some = take(rows, ROWS)) await change(store, some);
  for (const table of ['dropped', 'tiles', 'heads'] as const) await dropRows(store, table, log, inUse);
  if (inUse(log)) return 0;
  // The name goes last, and at once: as long as there is one, a next run finds the log.
  const last = (['evidence', 'sizes', 'logs', 'seen'] as const).map((table) => ({ table, key: log, value: null }));
  await change(store, last);
  return 1;
}

async function dropRows(
  store: Store,
  table: TableName,
  log: Uint8Array,
  inUse: RetentionOptions['inUse'],
): Promise<void> {
  while (!inUse(log)) {
    const rows = store.range(table, { start: log, end: keyAfter(log), limit: ROWS });
    await change(
      store,
      rows.map(({ key }) => ({ table, key, value: null })),
    );
    if (rows.length < ROWS) return;
  }
}

function take<T>(from: Iterator<T>, most: number): readonly T[] {
  const taken: T[] = [];
  while (taken.length < most) {
    const next = from.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

function isEmpty(store: Store, table: TableName, log: Uint8Array): boolean {
  return store.range(table, { start: log, end: keyAfter(log), limit: 1 }).length === 0;
}

async function change(store: Store, puts: readonly Put[]): Promise<void> {
  if (puts.length > 0) await store.write(() => ({ puts, outcome: { value: undefined }, room: 'given' }));
}
