import type { WorkerRefusalCode } from '../../wire/message/link.ts';
import { status } from '../../wire/message/receipt.ts';
import { type CounterName, type Counters, counterNames, encodeTelemetry } from '../../wire/message/telemetry.ts';
import type { AnswerErrorCode } from './work.ts';

/**
 * Counts what happens, and says it at most once a second while there is something new (DESIGN section 5). The level is
 * part of the attested configuration: at `none` nothing is said.
 */
export interface Telemetry {
  count(name: CounterName, amount?: number): void;
  /** A request that ended without a receipt. */
  countRefusal(code: WorkerRefusalCode): void;
  /** A request that ended with one. */
  countAnswer(outcome: bigint, error: AnswerErrorCode | null): void;
  /** A host has connected: it is told everything again. */
  repeat(): void;
}

export interface TelemetryOptions {
  readonly send: (payload: Uint8Array) => void;
  /** Numbers that others keep. */
  readonly gauges: () => Pick<Counters, 'leaves' | 'leavesAcknowledged' | 'requestsUnderWay'>;
}

const INTERVAL_MILLISECONDS = 1_000;

export const silentTelemetry: Telemetry = {
  count: () => undefined,
  countRefusal: () => undefined,
  countAnswer: () => undefined,
  repeat: () => undefined,
};

const refusalCounters: Partial<Record<WorkerRefusalCode, CounterName>> = {
  busy: 'refusedBusy',
  log_full: 'refusedLogFull',
  record_refused: 'refusedRecords',
  session_unknown: 'refusedRecords',
  attestation_failed: 'attestationsFailed',
};

const answerCounters: readonly (readonly [bigint, CounterName])[] = [
  [status.ok, 'answersOk'],
  [status.cancelled, 'answersCancelled'],
  [status.modelError, 'answersModelError'],
  [status.stopped, 'answersStopped'],
  [status.refused, 'answersRefused'],
];

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const counted = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;
  let last = '';
  let scheduled = false;

  function say(): void {
    scheduled = false;
    const counters: Counters = { ...counted, ...options.gauges() };
    const now = JSON.stringify(counters);
    if (now === last) return;
    last = now;
    options.send(encodeTelemetry(counters));
    // What is under way settles, and its end is counted; what the host acknowledges is counted by nobody.
    schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setTimeout(say, INTERVAL_MILLISECONDS).unref();
  }

  function count(name: CounterName, amount = 1): void {
    counted[name] += amount;
    schedule();
  }

  return {
    count,
    countRefusal: (code) => count(refusalCounters[code] ?? 'refusedOther'),
    countAnswer(outcome, error) {
      const name = answerCounters.find(([value]) => value === outcome)?.[1];
      if (name !== undefined) count(name);
      if (error === 'model_crashed') count('modelCrashes');
      if (error === 'model_timeout') count('modelTimeouts');
    },
    repeat() {
      last = '';
      schedule();
    },
  };
}
