import { equalBytes, toHex } from '../../wire/bytes.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import { type EventSink, EvidenceError, LinkError } from '../errors.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import { type Journal, JournalError } from '../journal/index.ts';
import type { SettlementFigures } from '../metrics/page.ts';
import { PaymentError } from '../payments/errors.ts';
import type { ReadyWorker } from '../worker-link.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { createAnswers } from './answers.ts';
import type { SettlementChain } from './chain.ts';
import { createClaims } from './claims.ts';
import { SettlementError } from './errors.ts';
import { createEscrows } from './escrows.ts';
import type { SettlementOptions } from './options.ts';
import { type Prove, type Registrar, register, standingOf } from './register.ts';
import { createScan } from './scan.ts';
import type { Sender } from './sender.ts';
import type { SettlerState } from './state.ts';
import { headWordsOf, type SettlementWord, transactionWords } from './word.ts';
import { hex } from './words.ts';

export interface Settler {
  /** How far behind settlement is, for whoever operates it. */
  readonly figures: SettlementFigures;
  /** The same and more, for anybody who asks. */
  readonly word: SettlementWord;
  stop(): Promise<void>;
}

export interface SettlerOptions extends Omit<SettlementOptions, 'account' | 'rpc'> {
  readonly chain: SettlementChain;
  readonly sender: Sender;
  readonly state: SettlerState;
  readonly workers: Pick<WorkerPool, 'members' | 'attest' | 'plain'>;
  readonly configuration: Configuration;
  readonly journal: Journal;
  readonly assemble: AssembleEvidence;
  readonly prove: Prove;
  readonly settlement: Uint8Array;
  readonly onEvent: EventSink;
  readonly now: () => number;
}

/** Logs whose vouchers are looked at: each worker's restart makes one. */
const LOGS = 4_096;
/** Rounds between two looks at a channel in which nothing has changed, and the most that they may take. */
const LOOK_AGAIN_ROUNDS = 16;
const LOOK_AGAIN_MS = 60_000;

/**
 * The operator's side of the contracts: keeps every worker registered, posts heads, claims, and answers escrows. What is
 * to be done is what the journal holds and the contracts have not seen, asked anew each time, so that a kill at any point
 * costs at most gas. What it writes down saves that gas: which transactions are on their way (`state.ts`).
 */
export function startSettler(options: SettlerOptions): Settler {
  const { chain, sender, workers, journal, onEvent, now } = options;
  const settlement = hex(options.settlement);
  const registrar: Registrar = options;
  const lookAgainMs = Math.min(LOOK_AGAIN_ROUNDS * options.pollMilliseconds, LOOK_AGAIN_MS);
  const claims = createClaims({
    ...options,
    settlement,
    lookAgainMs,
    onLost: (log, due) => onEvent({ event: 'head_lost', log: toHex(log), due: String(due) }),
  });
  const { fromBlock, finalAfterBlocks } = options;
  const nextBlock = options.state.saved.reading?.nextBlock ?? fromBlock;
  const escrows = createEscrows({
    ...options,
    settlement,
    scan: createScan({ chain, settlement, fromBlock, nextBlock, finalAfterBlocks }),
    answers: createAnswers(options),
    onSkipped: (escrow, why) => onEvent({ event: 'escrow_skipped', escrow: toHex(escrow), why }),
  });
  /** Logs that were registered when the registry was asked last. */
  const live = new Set<string>();
  let stopped = false;
  let wake = (): void => undefined;
  let lastSuccess = now();
  let failures = 0;

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
      failures += 1;
      onEvent({ event: 'settlement_failed', code: codeOf(error) });
    }
  }

  async function keepRegistered(current: ReadyWorker): Promise<void> {
    const standing = await standingOf(registrar, current);
    const name = hex(current.log);
    if (standing === 'unknown' || standing === 'revoked') live.delete(name);
    else if (!live.has(name)) {
      live.add(name);
      escrows.hurry();
    }
    if (standing === 'unknown' || standing === 'ending') await register(registrar, current);
  }

  async function round(): Promise<void> {
    await sender.look();
    const { number } = await chain.block();
    // Asked by what was before its own transactions, a settler would send them again.
    if (number < sender.minedBlock) throw new SettlementError('chain_behind', `${number}`);
    const current = readyWorkers();
    for (const worker of current) await attempt(() => keepRegistered(worker));
    for (const log of journal.logs(LOGS)) {
      const isCurrent = current.some((worker) => equalBytes(worker.log, log));
      await attempt(() => claims.claimLog(log, isCurrent ? 'current' : 'ended'));
    }
    await attempt(() => escrows.serve(current));
  }

  async function run(): Promise<void> {
    while (!stopped) {
      failures = 0;
      await attempt(round);
      if (failures === 0) lastSuccess = now();
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
  const unposted = (log: Uint8Array): number => Math.max(0, journal.size(log) - (escrows.heads.get(hex(log)) ?? 0));
  const unpostedLeaves = (): number => journal.logs(LOGS).reduce((sum, log) => sum + unposted(log), 0);
  return {
    get figures() {
      return {
        unpostedLeaves: unpostedLeaves(),
        unclaimedAmount: Number(claims.unclaimed),
        pendingTransactions: sender.pending,
        lastSuccessSeconds: Math.max(0, (now() - lastSuccess) / 1_000),
      };
    },
    get word() {
      return {
        chainId: String(options.configuration.chainId),
        settlement: settlement.slice(2),
        unpostedLeaves: unpostedLeaves(),
        quietSeconds: Math.max(0, Math.floor((now() - lastSuccess) / 1_000)),
        heads: headWordsOf(escrows.heads),
        transactions: transactionWords(sender.entries),
      };
    },
    async stop() {
      stopped = true;
      sender.stop();
      wake();
      await running;
    },
  };
}

function codeOf(error: unknown): string {
  const known =
    error instanceof PaymentError ||
    error instanceof SettlementError ||
    error instanceof LinkError ||
    error instanceof EvidenceError ||
    error instanceof JournalError;
  return known ? error.code : 'internal';
}
