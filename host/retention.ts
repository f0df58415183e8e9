import { equalBytes } from '../wire/bytes.ts';
import { type EventSink, StartError } from './errors.ts';
import { type Journal, JournalError, type RetentionPolicy } from './journal/index.ts';
import type { WorkerPool } from './workers/pool.ts';

/** What an operator decides. For how long receipts may be worth money is not its to decide. */
export type RetentionRules = Omit<RetentionPolicy, 'claimableMs'>;

export interface RetentionOptions {
  readonly rules: RetentionRules;
  /** From the end of one look to the next; the first one is as long after the start, when workers have come back. */
  readonly everyMs: number;
}

export const keepAll: RetentionOptions = {
  rules: { receiptsMs: 'never', logsMs: 'never', bytes: 'any' },
  everyMs: 3_600_000,
};

export interface Retention {
  /** Resolves once nothing is dropped any more. */
  stop(): Promise<void>;
}

export function dropsSomething({ receiptsMs, logsMs, bytes }: RetentionRules): boolean {
  return receiptsMs !== 'never' || logsMs !== 'never' || bytes !== 'any';
}

/** Refused rather than stretched: whoever wrote a shorter time expects that nothing is kept for longer. */
export function policyFor(rules: RetentionRules, claimableMs: number): RetentionPolicy {
  for (const time of [rules.receiptsMs, rules.logsMs]) {
    if (time === 'never' || time >= claimableMs) continue;
    throw new StartError('retention_invalid', `receipts may be worth money for ${claimableMs} ms, not ${time}`);
  }
  return { ...rules, claimableMs };
}

/**
 * Looks now and then for what the policy lets go. What fails is tried again at the next look. Each look also writes down
 * who is here, where nothing is let go too: a worker may be idle and registered anew for weeks, and its log ages from when
 * it was last heard of.
 */
export function startRetention(options: {
  readonly journal: Pick<Journal, 'openLog' | 'retain'>;
  readonly workers: Pick<WorkerPool, 'members'>;
  readonly policy: RetentionPolicy;
  readonly everyMs: number;
  readonly onEvent: EventSink;
}): Retention {
  const { journal, workers, policy, everyMs, onEvent } = options;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer = next();

  function next(): NodeJS.Timeout {
    return setTimeout(() => {
      running = look();
    }, everyMs).unref();
  }

  /** A journal asks between two commits: one that is to stop uses everything. */
  function inUse(log: Uint8Array): boolean {
    return stopped || workers.members.some(({ worker }) => worker !== undefined && equalBytes(worker.log, log));
  }

  async function look(): Promise<void> {
    try {
      for (const { worker } of workers.members) if (worker !== undefined) await journal.openLog(worker.info);
      const { receipts, logs } = await journal.retain(policy, inUse);
      if (receipts > 0 || logs > 0) onEvent({ event: 'retention', receipts, logs });
    } catch (error) {
      onEvent({ event: 'retention_failed', code: error instanceof JournalError ? error.code : 'internal' });
    }
    if (!stopped) timer = next();
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
