import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HostEvent } from '../../host/errors.ts';
import { JournalError, openJournal, type RetentionPolicy } from '../../host/journal/index.ts';
import { dropsSomething, keepAll, policyFor, type Retention, startRetention } from '../../host/retention.ts';
import { claimableMs } from '../../host/settlement/claimable.ts';
import { createFakeLog } from '../support/fake-log.ts';
import { type Served, serve, until } from './support/served.ts';

const DAY = 86_400_000;
const rules = { receiptsMs: 30 * DAY, logsMs: 365 * DAY, bytes: 'any' } as const;
const policy: RetentionPolicy = { ...rules, claimableMs: 0 };

describe('looking for what is over', () => {
  const here = createFakeLog();
  const gone = createFakeLog();
  const members = [{ worker: { log: here.log, info: here.ready } }, { worker: undefined }] as never;
  let events: HostEvent[];
  let opened: unknown[];
  let running: Retention | undefined;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    events = [];
    opened = [];
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    vi.useRealTimers();
  });

  type Retain = Parameters<typeof startRetention>[0]['journal']['retain'];
  function start(retain: Retain): void {
    running = startRetention({
      journal: {
        openLog: async (ready) => {
          opened.push(ready);
          return here.log;
        },
        retain,
      },
      workers: { members },
      policy,
      everyMs: 60_000,
      onEvent: (event) => events.push(event),
    });
  }

  it('waits for a first time, and as long after each look', async () => {
    let looks = 0;
    start(async (asked) => {
      expect(asked).toBe(policy);
      looks += 1;
      return { receipts: looks === 1 ? 0 : 7, logs: 0 };
    });
    await vi.advanceTimersByTimeAsync(59_999);
    expect([looks, opened.length]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(1);
    expect([looks, opened]).toEqual([1, [here.ready]]);
    expect(events).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks).toBe(2);
    expect(events).toEqual([{ event: 'retention', receipts: 7, logs: 0 }]);
  });

  it('has no second look while one goes on, and ends it when it is to stop', async () => {
    let looks = 0;
    start(async (_policy, inUse) => {
      looks += 1;
      expect([inUse(here.log), inUse(gone.log)]).toEqual([true, false]);
      while (!inUse(gone.log)) await new Promise<void>((resolve) => setImmediate(resolve));
      return { receipts: 1, logs: 0 };
    });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(looks).toBe(1);
    await running?.stop();
    expect(events).toEqual([{ event: 'retention', receipts: 1, logs: 0 }]);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(looks).toBe(1);
  });

  it('says what fails, and looks again', async () => {
    const failures = [new JournalError('journal_full', 'no room'), new TypeError('x')];
    start(async () => {
      throw failures.shift() ?? new JournalError('journal_failed', 'always');
    });
    await vi.advanceTimersByTimeAsync(180_000);
    expect(events).toEqual(
      ['journal_full', 'internal', 'journal_failed'].map((code) => ({ event: 'retention_failed', code })),
    );
  });
});

describe('a policy', () => {
  it('drops nothing where every part is the word', () => {
    expect(dropsSomething(keepAll.rules)).toBe(false);
    expect(dropsSomething({ ...keepAll.rules, bytes: 1 })).toBe(true);
    expect(dropsSomething({ ...keepAll.rules, receiptsMs: 1 })).toBe(true);
  });

  it('that is shorter than receipts are worth money is refused', () => {
    expect(policyFor(rules, 30 * DAY)).toEqual({ ...rules, claimableMs: 30 * DAY });
    expect(() => policyFor(rules, 30 * DAY + 1)).toThrow('retention_invalid');
    expect(() => policyFor({ ...keepAll.rules, logsMs: 1 }, 2)).toThrow('retention_invalid');
    expect(policyFor({ ...keepAll.rules, bytes: 1 }, 30 * DAY)).toMatchObject({ claimableMs: 30 * DAY });
  });

  it('takes the longest that any node says, within what a registry can be deployed with', async () => {
    const days = (count: bigint): bigint => count * 86_400n;
    const chain = (lifetimes: readonly bigint[]) => ({
      readEach: (async ({ functionName }: { readonly functionName: string }) =>
        functionName === 'LIFETIME' ? lifetimes : [0n, 600n]) as never,
    });
    // A day for heads, two for clocks and looks.
    expect(await claimableMs(chain([days(1n), days(7n), 1n]), '0x')).toBe(10 * DAY + 600_000);
    expect(await claimableMs(chain([2n ** 256n - 1n]), '0x')).toBe(369 * DAY + 600_000);
  });
});

describe('a host', () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'proofmark-retention-'));
  let served: Served | undefined;
  afterEach(async () => {
    await served?.stop();
    rmSync(stateDirectory, { recursive: true, force: true });
  });

  it('drops what is over, of logs whose worker is not here', async () => {
    const journal = openJournal(join(stateDirectory, 'journal'), {
      maxBytes: 2 ** 28,
      now: () => Date.now() - 31 * DAY,
    });
    const log = createFakeLog();
    await journal.openLog(log.ready);
    await journal.append(log.log, log.grow([{}, {}]).entries).durable;
    await journal.close();
    served = await serve({ stateDirectory, retention: { rules, everyMs: 20 } });
    await until(() => served?.events.some(({ event }) => event === 'retention') ?? false);
    expect(served.events).toContainEqual({ event: 'retention', receipts: 2, logs: 0 });
  });
});
