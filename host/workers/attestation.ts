import { randomBytes } from 'node:crypto';
import type { Attested } from '../../wire/message/link.ts';
import { EvidenceError, LinkError } from '../errors.ts';
import { checkAnswers } from '../evidence/answers.ts';
import type { ReadyWorker, WorkerLink } from '../worker-link.ts';
import { createBackoff } from './backoff.ts';

/**
 * Asks a worker again and again to attest. A device that stopped answering makes a worker of no use to anybody who
 * verifies, long before the first client says so.
 */
export interface AttestationWatch {
  /** From now on this worker is asked; the first time at once. */
  begin(worker: ReadyWorker): void;
  /** The worker is gone, or the host is. */
  end(): void;
}

export interface AttestationWatchOptions {
  readonly link: Pick<WorkerLink, 'attest'>;
  readonly intervalMs: number;
  /** After a failure it is asked sooner than at the next interval. */
  readonly retryMs: number;
  readonly onAttested: (worker: ReadyWorker, attested: Attested) => void;
  readonly onFailed: (code: string) => void;
}

export function watchAttestation(options: AttestationWatchOptions): AttestationWatch {
  const { link, intervalMs } = options;
  const backoff = createBackoff([Math.min(options.retryMs, intervalMs), intervalMs]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts beginnings and ends, so that an answer that belongs to an earlier one changes nothing. */
  let epoch = 0;

  async function ask(worker: ReadyWorker, asked: number): Promise<void> {
    const challenge = Uint8Array.from(randomBytes(32));
    let failure: string | undefined;
    try {
      const attested = await link.attest(challenge);
      checkAnswers(attested, challenge);
      if (asked === epoch) options.onAttested(worker, attested);
    } catch (error) {
      if (!(error instanceof LinkError || error instanceof EvidenceError)) throw error;
      failure = error.code;
    }
    if (asked !== epoch) return;
    if (failure === undefined) backoff.reset();
    else options.onFailed(failure);
    timer = setTimeout(() => void ask(worker, asked), failure === undefined ? intervalMs : backoff.next()).unref();
  }

  function end(): void {
    epoch += 1;
    clearTimeout(timer);
    backoff.reset();
  }

  return {
    begin(worker) {
      end();
      void ask(worker, epoch);
    },
    end,
  };
}
