import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Journal, openJournal, type RetentionPolicy } from '../../../host/journal/index.ts';
import { equalBytes } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Entries } from '../../../wire/message/link.ts';
import { decodeReceipt, decodeTreeHead } from '../../../wire/message/receipt.ts';
import { verifyConsistency } from '../../../wire/tree/index.ts';
import { createFakeLog, type FakeLog, random } from '../../support/fake-log.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const policy: RetentionPolicy = { claimableMs: 2 * DAY, receiptsMs: 10 * DAY, logsMs: 'never', bytes: 'any' };
const unused = (): boolean => false;

let directory: string;
let time: number;
let journal: Journal;

function open(maxBytes = 2 ** 28): void {
  journal = openJournal(directory, { maxBytes, now: () => time });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-retention-'));
  time = 1_800_000_000_000;
  open();
});

afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

async function fill(log: FakeLog, counts: readonly number[], channel?: Uint8Array): Promise<readonly Entries[]> {
  await journal.openLog(log.ready);
  const all: Entries[] = [];
  for (const count of counts) {
    const fields = channel === undefined ? {} : { channel };
    const { entries } = log.grow(Array.from({ length: count }, () => fields));
    await journal.append(log.log, entries).durable;
    all.push(entries);
  }
  return all;
}

function idOf(entries: Entries): Uint8Array {
  return decodeReceipt(entries.receipts[0] as Uint8Array).requestId;
}

async function refusal(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'accepted',
    (error: { readonly code: string }) => error.code,
  );
}

describe('receipts whose time is over', () => {
  it('go, and the tree stays: heads, consistency, tiles, and the answer that there was one', async () => {
    const log = createFakeLog();
    const all = await fill(log, [3, 5, 2_000]);
    await journal.saveEvidence(log.log, Uint8Array.of(7));
    time += 10 * DAY + HOUR;
    expect(await journal.retain(policy, unused)).toEqual({ receipts: 2_008, logs: 0 });
    expect(() => journal.bundle({ log: log.log, index: 0 })).toThrow('receipt_dropped');
    expect(() => journal.bundle({ log: log.log, index: 2_007 })).toThrow('receipt_dropped');
    expect(() => journal.bundle({ log: log.log, index: 2_008 })).toThrow('receipt_unknown');
    expect(journal.places(idOf(all[1] as Entries))).toEqual([{ log: log.log, index: 3 }]);
    const [first, , third] = journal.heads(log.log, 0, 9).map(({ head }) => decodeTreeHead(head));
    const consistent = await verifyConsistency(nodeSuite, {
      first: 3,
      firstRoot: first?.root as Uint8Array,
      second: 2_008,
      secondRoot: third?.root as Uint8Array,
      proof: journal.consistency(log.log, 3, 2_008),
    });
    expect(consistent).toBe(true);
    expect(journal.tile(log.log, { level: 0, index: 7, width: 256 })).toHaveLength(2_008 - 7 * 256);
    expect(journal.evidence(log.log)).toEqual(Uint8Array.of(7));
    expect(await journal.retain(policy, unused)).toEqual({ receipts: 0, logs: 0 });
  });

  it('go after a start as well, which has not heard of their worker', async () => {
    const log = createFakeLog();
    await fill(log, [3]);
    await journal.close();
    time += 11 * DAY;
    open();
    expect(await journal.retain(policy, unused)).toEqual({ receipts: 3, logs: 0 });
  });

  it('are known again when their worker repeats them, and another story is still noticed', async () => {
    const log = createFakeLog();
    const [first, second] = (await fill(log, [4, 4])) as [Entries, Entries];
    time += 11 * DAY;
    await journal.retain(policy, unused);
    expect(await journal.append(log.log, first).durable).toBe(8);
    const other = { ...second, receipts: [...second.receipts.slice(0, 3), first.receipts[3] as Uint8Array] };
    expect(await refusal(journal.append(log.log, other).durable)).toBe('journal_invalid');
    const lie = createFakeLog();
    const { entries } = lie.grow([{}, {}, {}, {}]);
    const { size, root } = decodeTreeHead(entries.head);
    expect(await refusal(journal.append(log.log, { ...entries, ...log.signHead(size, root) }).durable)).toBe(
      'journal_conflict',
    );
    expect(journal.conflicts(log.log)).toMatchObject([{ position: 0, stored: null, offered: entries.receipts[0] }]);
    const { entries: third } = log.grow([{}]);
    expect(await journal.append(log.log, third).durable).toBe(9);
    expect(journal.bundle({ log: log.log, index: 8 }).receipt).toEqual(third.receipts[0]);
  });

  it('take with them what can no longer be claimed, and nothing of other logs', async () => {
    const channel = random(32);
    const [old, young] = [createFakeLog(), createFakeLog()];
    await fill(old, [2], channel);
    await journal.saveVoucher(old.log, { channel, maxCumulative: 5n, signature: new Uint8Array(64).fill(1) });
    time += 9 * DAY;
    await fill(young, [2], channel);
    await journal.saveVoucher(young.log, { channel, maxCumulative: 6n, signature: new Uint8Array(64).fill(1) });
    time += 2 * DAY;
    expect(await journal.retain(policy, unused)).toEqual({ receipts: 2, logs: 0 });
    expect(journal.charged(old.log, channel)).toBeUndefined();
    expect(journal.vouchers(old.log, undefined, 9)).toEqual([]);
    expect(journal.charged(young.log, channel)).toEqual({ log: young.log, index: 1 });
    expect(journal.vouchers(young.log, undefined, 9)).toHaveLength(1);
    expect(journal.bundle({ log: young.log, index: 0 }).execution.length).toBeGreaterThan(0);
  });

  it('stay while they may be worth money, whatever the size', async () => {
    const log = createFakeLog();
    await fill(log, [50], random(32));
    time += 2 * DAY;
    const greedy = { ...policy, receiptsMs: 0, logsMs: 0, bytes: 0 };
    expect(await journal.retain(greedy, unused)).toEqual({ receipts: 0, logs: 0 });
    time += 1;
    expect(await journal.retain(greedy, unused)).toEqual({ receipts: 50, logs: 1 });
  });

  it('stay while their worker is in use, and age from when it was last heard of', async () => {
    const log = createFakeLog();
    await fill(log, [5]);
    time += 30 * DAY;
    expect(await journal.retain(policy, (name) => equalBytes(name, log.log))).toEqual({ receipts: 0, logs: 0 });
    await journal.openLog(log.ready);
    time += 9 * DAY;
    expect(await journal.retain(policy, unused)).toEqual({ receipts: 0, logs: 0 });
    time += 2 * DAY;
    expect(await journal.retain(policy, unused)).toEqual({ receipts: 5, logs: 0 });
  });

  it('go before their time where the journal is too large, oldest first', async () => {
    const logs = [createFakeLog(), createFakeLog(), createFakeLog()];
    for (const log of logs) {
      await fill(log, [600]);
      time += DAY;
    }
    time += 2 * DAY;
    const kept = (log: FakeLog): boolean => {
      try {
        return journal.bundle({ log: log.log, index: 0 }).receipt.length > 0;
      } catch (error) {
        expect((error as Error).message).toContain('receipt_dropped');
        return false;
      }
    };
    // How many pages receipts take is LMDB's affair and differs from run to run: so the limit comes down in steps, and what
    // counts is who has to go first.
    const seen: string[] = [];
    for (let bytes = 4_000_000; kept(logs[2] as FakeLog); bytes -= 20_000) {
      const { receipts } = await journal.retain({ ...policy, bytes }, unused);
      expect(receipts % 600).toBe(0);
      const now = logs.map((log) => (kept(log) ? 'kept' : 'gone')).join(' ');
      if (seen.at(-1) !== now) seen.push(now);
    }
    expect(seen).toEqual(['kept kept kept', 'gone kept kept', 'gone gone kept', 'gone gone gone']);
  });
});

describe('logs whose time is over', () => {
  const whole = { ...policy, logsMs: 20 * DAY };

  it('leave nothing, and others all of theirs', async () => {
    const [old, young] = [createFakeLog(), createFakeLog()];
    const [entries] = (await fill(old, [1_500, 3])) as [Entries];
    time += 11 * DAY;
    await journal.retain(whole, unused);
    await fill(young, [4]);
    time += 10 * DAY - HOUR;
    expect(await journal.retain(whole, unused)).toEqual({ receipts: 0, logs: 1 });
    expect(journal.logs(9)).toEqual([young.log]);
    expect(journal.size(old.log)).toBe(0);
    expect(journal.newestHead(old.log)).toBeUndefined();
    expect(journal.tile(old.log, { level: 0, index: 0, width: 1 })).toEqual([]);
    expect(journal.places(idOf(entries))).toEqual([]);
    expect(await refusal(journal.append(old.log, entries).durable)).toBe('log_unknown');
    expect(journal.bundle({ log: young.log, index: 3 }).proof).toHaveLength(2);
  });

  it('stay where their worker said two things: that is evidence', async () => {
    const log = createFakeLog();
    const [entries] = (await fill(log, [2])) as [Entries];
    const twice = { ...entries, ...log.signHead(2, random(32)) };
    expect(await refusal(journal.append(log.log, twice).durable)).toBe('journal_conflict');
    time += 21 * DAY;
    expect(await journal.retain(whole, unused)).toEqual({ receipts: 2, logs: 0 });
    expect(journal.conflicts(log.log)).toHaveLength(1);
    expect(journal.logInfo(log.log)).toEqual(log.ready);
  });
});

describe('a full journal', () => {
  it('takes receipts again once old ones are gone, in the same file', async () => {
    await journal.close();
    open(1_500_000);
    const old = createFakeLog();
    await journal.openLog(old.ready);
    let last: Entries;
    do last = old.grow(Array.from({ length: 100 }, () => ({}))).entries;
    while ((await refusal(journal.append(old.log, last).durable)) === 'accepted');
    expect(await refusal(journal.append(old.log, last).durable)).toBe('journal_full');
    const next = createFakeLog();
    const size = statSync(join(directory, 'data.mdb')).size;
    time += 11 * DAY;
    expect((await journal.retain({ ...policy, logsMs: 10 * DAY }, unused)).logs).toBe(1);
    await fill(next, [100, 100, 100, 100]);
    expect(journal.size(next.log)).toBe(400);
    expect(statSync(join(directory, 'data.mdb')).size).toBeLessThanOrEqual(size + 262_144);
  });
});

describe('a policy that is none', () => {
  it.each([
    ['a negative time', { receiptsMs: -1 }],
    ['half a millisecond', { claimableMs: 0.5 }],
    ['no number', { bytes: Number.NaN }],
    ['logs that go before their receipts', { logsMs: DAY }],
    ['receipts that outlive their log', { receiptsMs: 'never', logsMs: 99 * DAY }],
  ] as const)('is refused: %s', async (_, change) => {
    expect(await refusal(journal.retain({ ...policy, ...change }, unused))).toBe('policy_invalid');
  });
});
