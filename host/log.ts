import type { HostEvent } from './errors.ts';
import type { EndedRequest } from './metrics/traffic.ts';

/** From the quietest to the one that says most; each level says what those before it say. */
export const logLevels = ['error', 'warn', 'info', 'access'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What the log has lines for: a closed list, since tools of operators go by these names. */
export type LogEntry = HostEvent | ({ readonly event: 'request'; readonly request: number } & EndedRequest);

/**
 * One line of JSON for each event: time, level, name, and numbers or words from closed lists. No path, header, body, key or
 * other text of a request ever comes near it (attack cases R13, R14), so that there is nothing to inject or to leak.
 */
export interface Log {
  write(entry: LogEntry): void;
}

const levels: Readonly<Record<LogEntry['event'], LogLevel>> = {
  listening: 'info',
  link_up: 'info',
  link_down: 'warn',
  worker_ended: 'warn',
  worker_suspended: 'warn',
  worker_restored: 'info',
  worker_draining: 'info',
  worker_resumed: 'info',
  metrics: 'info',
  api_keys: 'info',
  reloaded: 'info',
  reload_failed: 'error',
  worker_unusable: 'error',
  release_loaded: 'info',
  release_unloaded: 'info',
  release_refused: 'error',
  status_unusable: 'error',
  evidence_saved: 'info',
  evidence_failed: 'warn',
  certificates_missing: 'warn',
  journal_failed: 'error',
  retention: 'info',
  retention_failed: 'error',
  request_failed: 'warn',
  finding: 'warn',
  disclosed_lost: 'warn',
  findings_unwritten: 'error',
  request: 'access',
  transaction: 'info',
  transaction_replaced: 'info',
  transaction_vanished: 'warn',
  transaction_capped: 'error',
  transaction_reverted: 'error',
  contract_refused: 'warn',
  chain_fault: 'warn',
  head_lost: 'error',
  escrow_skipped: 'info',
  settlement_failed: 'warn',
  draining: 'info',
  stopped: 'info',
};

/** Longer than anything that stands in an event: a bound for what a chain's node or a worker might bring into one. */
const LONGEST_VALUE = 256;

export function createLog(options: {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}): Log {
  const most = logLevels.indexOf(options.level);
  return {
    write(entry) {
      const level = levels[entry.event];
      if (logLevels.indexOf(level) > most) return;
      const { event, ...fields } = entry;
      const line = JSON.stringify({ time: options.now().toISOString(), level, event, ...fields }, bounded);
      options.write(`${line}\n`);
    },
  };
}

function bounded(_name: string, value: unknown): unknown {
  if (typeof value === 'string' && value.length > LONGEST_VALUE) return `${value.slice(0, LONGEST_VALUE)}…`;
  return typeof value === 'number' && !Number.isInteger(value) ? Math.round(value * 1_000) / 1_000 : value;
}
