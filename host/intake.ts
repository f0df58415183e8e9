import type { Frame } from '../wire/codec/frame.ts';
import { limits } from '../wire/limits.ts';
import { decodeEntries, decodeState, linkKind, type WorkerState } from '../wire/message/link.ts';
import { decodeEnd, decodeTelemetry } from '../wire/message/telemetry.ts';
import { LinkError } from './errors.ts';
import type { WorkerHealth } from './health.ts';
import type { Journal } from './journal/index.ts';

/** Takes the worker's own frames in order: first its state, then receipts, each of which goes to the journal. */
export interface Intake {
  take(frame: Frame, onState: (state: WorkerState) => void): void;
  /** From here on receipts are written; those that came meanwhile go first. */
  start(log: Uint8Array, acknowledge: (count: number) => void): Promise<void>;
  /** Resolves when everything taken so far is written. */
  readonly written: () => Promise<void>;
}

const DONE: Promise<void> = Promise.resolve();

export function createIntake(journal: Journal, health: WorkerHealth, onFailure: (error: unknown) => void): Intake {
  let hasState = false;
  let log: Uint8Array | undefined;
  let acknowledge = (_: number): void => undefined;
  let held: Frame[] = [];
  let barrier = DONE;
  let acknowledged = 0;
  let failed = false;

  function store(to: Uint8Array, frame: Frame): void {
    const appended = journal.append(to, decodeEntries(frame.payload), frame.payload);
    barrier = Promise.all([barrier, appended.written]).then(
      () => undefined,
      (error: unknown) => {
        throw new LinkError('journal_unavailable', 'the answer was not journalled', { cause: error });
      },
    );
    barrier.catch(() => undefined);
    appended.durable.then(
      (count) => {
        if (failed || count <= acknowledged) return;
        acknowledged = count;
        acknowledge(count);
      },
      (error: unknown) => {
        if (!failed) onFailure(error);
        failed = true;
      },
    );
  }

  return {
    take(frame, onState) {
      if (frame.kind === linkKind.state && !hasState) {
        hasState = true;
        onState(decodeState(frame.payload));
      } else if (frame.kind === linkKind.entries && hasState) {
        if (log !== undefined) store(log, frame);
        else if (held.length < limits.unacknowledgedLeaves) held.push(frame);
        else throw new LinkError('worker_protocol', 'more receipts than a worker may hold');
      } else if (frame.kind === linkKind.telemetry && hasState) {
        health.counters(decodeTelemetry(frame.payload));
      } else if (frame.kind === linkKind.ended) {
        // Also instead of a state: the launcher's word to a host that comes after the worker's end.
        health.ended(decodeEnd(frame.payload));
        throw new LinkError('worker_lost', 'the worker ended');
      } else {
        throw new LinkError('worker_protocol', `an unexpected frame of kind ${frame.kind}`);
      }
    },
    async start(to, send) {
      log = to;
      acknowledge = send;
      for (const frame of held) store(to, frame);
      held = [];
      await barrier;
    },
    written: () => barrier,
  };
}
