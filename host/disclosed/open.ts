import { join } from 'node:path';
import type { EventSink } from '../errors.ts';
import type { Auditing } from '../http/routes/auditors.ts';
import type { Journal } from '../journal/index.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { HostAuditors } from './auditors.ts';
import { openFindings } from './findings.ts';
import { startPoll } from './poll.ts';
import { openDisclosed } from './store.ts';
import { keepDisclosed } from './watch.ts';

/** How long disclosed requests are kept, and how much of them. */
export interface DisclosedRules {
  readonly keepMs: number;
  readonly maxBytes: number;
  /** How often auditors are asked what they found. */
  readonly pollMs: number;
}

export const disclosedRules: DisclosedRules = { keepMs: 30 * 86_400_000, maxBytes: 2 ** 30, pollMs: 60_000 };

export interface AuditingOptions {
  readonly auditors: () => HostAuditors | 'none';
  readonly rules: Partial<DisclosedRules>;
  readonly stateDirectory: string;
  readonly journal: Journal;
  readonly workers: WorkerPool;
  readonly onEvent: EventSink;
}

/** Everything of a host that has to do with auditors; a host that names none has nothing of it. */
export interface OpenAuditing {
  readonly auditing: Auditing;
  /** The same workers; what is disclosed to them is kept on the way. */
  readonly workers: WorkerPool;
  /** The operator has looked at what was found about that worker. */
  forgive(index: number): void;
  stop(): Promise<void>;
}

const SWEEP_MS = 3_600_000;
/** Between two readings of the file nobody may be named: then nobody counts. */
const NOBODY: HostAuditors = { version: 1, pauseAt: 1, hosts: 'any', auditors: [] };

export function openAuditing(options: AuditingOptions): OpenAuditing {
  const { stateDirectory, journal, workers, onEvent } = options;
  const rules = { ...disclosedRules, ...options.rules };
  const auditors = (): HostAuditors => {
    const named = options.auditors();
    return named === 'none' ? NOBODY : named;
  };
  const store = openDisclosed({
    directory: join(stateDirectory, 'disclosed'),
    ...{ keepMs: rules.keepMs, maxBytes: rules.maxBytes },
    now: () => Date.now(),
    onLost: () => onEvent({ event: 'disclosed_lost' }),
  });
  const path = join(stateDirectory, 'findings.json');
  const findings = openFindings({ path, auditors, journal, workers, onEvent });
  const poll = startPoll({ auditors, workers, findings, everyMs: rules.pollMs });
  const sweeping = setInterval(() => void store.sweep(), SWEEP_MS).unref();
  return {
    auditing: { auditors, store, findings, journal, now: () => Date.now() },
    workers: keepDisclosed(workers, store),
    forgive(index) {
      const log = workers.members[index]?.worker?.log;
      if (log !== undefined) findings.forgive(log);
    },
    async stop() {
      clearInterval(sweeping);
      await poll.stop();
      await store.close();
    },
  };
}
