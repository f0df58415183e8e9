import { equalBytes, toHex } from '../../wire/bytes.ts';
import { type EventSink, EvidenceError, LinkError } from '../errors.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import { type Journal, JournalError } from '../journal/index.ts';
import { PaymentError } from '../payments/errors.ts';
import type { ReadyWorker } from '../worker-link.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Sent, SettlementChain } from './chain.ts';
import { type Claimant, claimLog } from './claims.ts';
import { createEscrows } from './escrows.ts';
import type { SettlementOptions } from './options.ts';
import { type Registrar, register, standingOf } from './register.ts';
import { hex } from './words.ts';

export interface Settler {
  stop(): Promise<void>;
}

export interface SettlerOptions extends SettlementOptions {
  readonly chain: SettlementChain;
  readonly workers: Pick<WorkerPool, 'members' | 'attest' | 'plain'>;
  readonly journal: Journal;
  readonly assemble: AssembleEvidence;
  readonly settlement: Uint8Array;
  readonly onEvent: EventSink;
}

/** Logs whose vouchers are looked at: each worker's restart makes one. */
const LOGS = 4_096;

/**
 * The operator's side of the contracts: keeps every worker registered, posts heads, claims, and answers escrows. It keeps
 * nothing of its own: what is to be done is what the journal holds and the contracts have not seen, asked anew each time,
 * so that a kill at any point costs at most gas.
 */
export function startSettler(options: SettlerOptions): Settler {
  const { chain, workers, journal, onEvent } = options;
  const settlement = hex(options.settlement);
  const onSent = (what: string, { hash, gasUsed }: Sent): void =>
    onEvent({ event: 'transaction', what, hash, gas: String(gasUsed) });
  const registrar: Registrar = { ...options };
  const claimant: Claimant = { chain, settlement, journal, claimAbove: options.claimAbove, onSent };
  const escrows = createEscrows({
    ...options,
    settlement,
    onSent,
    onSkipped: (escrow, why) => onEvent({ event: 'escrow_skipped', escrow: toHex(escrow), why }),
  });
  let stopped = false;
  let wake = (): void => undefined;

  function readyWorkers(): readonly ReadyWorker[] {
    return workers.members.flatMap(({ state, worker }) =>
      state.kind === 'ready' && worker !== undefined ? [worker] : [],
    );
  }

  /** What cannot be done now keeps nothing else from being done: a revoked log must not stop the claims of another. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      if (!stopped) await work();
    } catch (error) {
      onEvent({ event: 'settlement_failed', code: codeOf(error) });
    }
  }

  async function keepRegistered(current: ReadyWorker): Promise<void> {
    const standing = await standingOf(registrar, current);
    if (standing === 'unknown' || standing === 'ending') onSent('register', await register(registrar, current));
  }

  async function round(): Promise<void> {
    // What a settler before this one sent may still be mined, and would be sent twice.
    if (!(await chain.isQuiet())) return;
    const current = readyWorkers();
    for (const worker of current) await attempt(() => keepRegistered(worker));
    for (const log of journal.logs(LOGS)) {
      const isCurrent = current.some((worker) => equalBytes(worker.log, log));
      await attempt(() => claimLog(claimant, log, isCurrent));
    }
    if (current.length > 0) await attempt(() => escrows.serve(current));
  }

  async function run(): Promise<void> {
    while (!stopped) {
      await attempt(round);
      if (stopped) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, options.pollMilliseconds);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const running = run();
  return {
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}

function codeOf(error: unknown): string {
  const known =
    error instanceof PaymentError ||
    error instanceof LinkError ||
    error instanceof EvidenceError ||
    error instanceof JournalError;
  return known ? error.code : 'internal';
}
