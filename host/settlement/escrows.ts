import type { Address, Hex } from 'viem';
import { equalBytes, fromHex, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import { PaymentError } from '../payments/errors.ts';
import type { ReadyWorker } from '../worker-link.ts';
import { ESCROW_NONE, ESCROW_OPEN, settlementAbi } from './abi.ts';
import type { Answers } from './answers.ts';
import type { SettlementChain } from './chain.ts';
import { SettlementError } from './errors.ts';
import { agreed } from './quorum.ts';
import type { Scan } from './scan.ts';
import type { SettlerState } from './state.ts';
import {
  acceptedLog,
  logsOf,
  mayChange,
  reasonToSkip,
  type SkipReason,
  settlesHere,
  type TermsJudge,
} from './terms.ts';
import { hex, type LoggedReceiptWords, loggedReceiptWords } from './words.ts';

export interface EscrowServer extends TermsJudge {
  readonly chain: SettlementChain;
  readonly settlement: Address;
  readonly configuration: Configuration;
  readonly scan: Scan;
  readonly answers: Answers;
  readonly state: Pick<SettlerState, 'saveReading' | 'keepAnswers' | 'saved'>;
  /** So many blocks stand above the one that asked, before work is done for it. */
  readonly serveAfterBlocks: bigint;
  readonly finalAfterBlocks: bigint;
  readonly onSkipped: (escrow: Uint8Array, why: SkipReason) => void;
}

export interface Escrows {
  /** Looks for new ones and does what can be done for those that are open, by any of these workers. */
  serve(workers: readonly ReadyWorker[]): Promise<void>;
  /** A log is registered now that was not: all that wait, perhaps for that, are looked at in the next round. */
  hurry(): void;
  /** The largest posted size of each log that was heard of. */
  readonly heads: ReadonlyMap<string, number>;
}

interface Asked {
  readonly key: Hex;
  readonly id: Uint8Array;
  block: bigint;
  /** Of what is asked under this id; not known of one that another process wrote down. */
  hash: Hex | undefined;
  /** Not held for one that waits: it is read again. */
  input: Uint8Array | undefined;
  attempts: number;
  /** Why it waits for the operator or a policy to change their mind. */
  waits: SkipReason | undefined;
  /** The round in which it is looked at next, and how many lie between two looks. */
  due: number;
  pause: number;
  /** The newest block when it was first seen to be fulfilled, refunded or unknown: it is watched until that is final. */
  endedAt: bigint | undefined;
}

/** The newest block of a round. Where it is behind the one before it, no end is dated by it: it would be final too early. */
interface Moment {
  readonly newest: bigint;
  readonly isBehind: boolean;
}

/** The arguments of the contract's `fulfil`. */
type Fulfilment = readonly [id: Hex, output: Hex, logged: LoggedReceiptWords, proof: Hex];

interface Failure {
  readonly asked: Asked;
  readonly error: unknown;
}

const MOST_ATTEMPTS = 5;
const LONGEST_PAUSE = 64;

/**
 * Answers what contracts ask. The chain is the journal: an escrow that is open is asked about again after a restart, and
 * one that was fulfilled is not open. The id is the only nullifier, so a second answer pays nothing; one whose settlement a
 * reorganisation undoes is open again, and is settled with the answer that it got.
 */
export function createEscrows(server: EscrowServer): Escrows {
  const { chain, settlement: to, scan, answers, state, quorum } = server;
  const known = new Map<Hex, Asked>();
  /** Each with the block up to which was read then: events are read again for a while. */
  const done = new Map<Hex, { readonly hash: Hex | undefined; readonly readTo: bigint }>();
  const heads = new Map((state.saved.reading?.heads ?? []).map(({ log, size }) => [log as string, size]));
  let round = 0;
  let before = scan.nextBlock - 1n;
  let written = '';

  for (const { id, block } of state.saved.reading?.escrows ?? []) {
    remember({ key: id, block, hash: undefined, input: undefined });
  }

  function remember(found: Pick<Asked, 'key' | 'block' | 'hash' | 'input'>): void {
    const fresh = { attempts: 0, waits: undefined, due: 0, pause: 1, endedAt: undefined };
    known.set(found.key, { ...found, id: fromHex(found.key.slice(2)), ...fresh });
  }

  const working = (): number => [...known.values()].filter(({ waits }) => waits === undefined).length;

  async function discover(newest: bigint): Promise<void> {
    const { opened, posted } = await scan.next(newest);
    for (const { log, size } of posted) {
      heads.set(log, Math.max(heads.get(log) ?? 0, Number(size)));
      if (heads.size > MOST_HEADS) heads.delete(heads.keys().next().value as string);
    }
    for (const { id, block, input, hash } of opened) {
      const asked = known.get(id);
      if (asked !== undefined && (asked.hash ?? hash) === hash) {
        // The same request, perhaps in another block than before: that one is replaced.
        asked.block = block;
        asked.hash = hash;
        continue;
      }
      if (done.get(id)?.hash === hash) continue;
      if (asked === undefined && working() >= limits.escrowsOpen) {
        scan.returnTo(block);
        break;
      }
      // Where the id was known: another request stands under it now, of which nothing is known but what is read here.
      done.delete(id);
      remember({ key: id, block, hash, input: fromHex(input.slice(2).toLowerCase()) });
    }
    for (const [id, { readTo }] of done) {
      if (readTo + 2n * server.finalAfterBlocks + 2n < scan.nextBlock) done.delete(id);
    }
  }

  /** Written where it says something new: after that many blocks, or with other requests. */
  function save(): void {
    const escrows = [...known.values()].map(({ key, block }) => ({ id: key, block }));
    const name = `${scan.nextBlock / BLOCKS_PER_SAVE} ${escrows.map(({ id, block }) => id + block).join()}`;
    if (name === written) return;
    state.saveReading({
      nextBlock: scan.nextBlock,
      escrows,
      heads: [...heads].map(([log, size]) => ({ log: log as Hex, size })),
    });
    state.keepAnswers(new Set([...known.values()].map(({ id }) => toHex(id))));
    written = name;
  }

  function finish({ key, hash }: Asked): void {
    known.delete(key);
    done.set(key, { hash, readTo: scan.nextBlock });
  }

  function skip(asked: Asked, why: SkipReason): undefined {
    if (asked.waits !== why) server.onSkipped(asked.id, why);
    if (!mayChange(why)) {
      finish(asked);
      return;
    }
    asked.waits = why;
    asked.input = undefined;
    later(asked);
    const waiting = [...known.values()].filter(({ waits }) => waits !== undefined);
    if (waiting.length > limits.escrowsWaiting) finish(waiting[0] as Asked);
  }

  function later(asked: Asked): void {
    asked.due = round + asked.pause;
    asked.pause = Math.min(2 * asked.pause, LONGEST_PAUSE);
  }

  /** What settles it, where it can be settled now. */
  async function settlementOf(
    asked: Asked,
    workers: readonly ReadyWorker[],
    { newest, isBehind }: Moment,
  ): Promise<Fulfilment | undefined> {
    const call = { to, abi: settlementAbi, functionName: 'escrowOf', args: [asked.key] } as const;
    const escrow = agreed(await chain.readEach(call), quorum);
    if (escrow.state !== ESCROW_OPEN) {
      if (!isBehind) asked.endedAt ??= newest;
      // Of one that is not there, the block may have been replaced, or the node has not seen it.
      const patience = escrow.state === ESCROW_NONE ? 2n * server.finalAfterBlocks : server.finalAfterBlocks;
      if (asked.endedAt !== undefined && asked.endedAt + patience <= newest) finish(asked);
      return undefined;
    }
    asked.endedAt = undefined;
    if (asked.block + server.serveAfterBlocks > newest) return undefined;
    const why = await reasonToSkip(server, server.configuration, escrow);
    if (why !== undefined) return skip(asked, why);
    // The event is the node's word; what is paid for is what the contract keeps.
    const fits = (input: Uint8Array): boolean => hex(sha256(input)) === escrow.inputHash;
    const told = asked.input !== undefined && fits(asked.input) ? [asked.input] : await inputsOf(asked);
    const input = told.find(fits);
    if (input === undefined) return skip(asked, told.length === 0 ? 'input_unknown' : 'input_mismatch');
    asked.input = input;

    const question = { id: asked.id, input, terms: escrow };
    const kept = answers.kept(question);
    // An answer is bound to the log that gave it, whose worker need not be there any more.
    const log = await acceptedLog(server, escrow.policy, [
      ...(kept === undefined ? [] : [kept.log]),
      ...logsOf(workers),
    ]);
    if (log === undefined) return skip(asked, 'log_not_accepted');
    const answer = kept !== undefined && equalBytes(kept.log, log) ? kept : await answers.ask(question, log);
    // One that is given up is still tried now and then, one that others settle is looked after, and each is told once.
    if (asked.waits !== 'given_up' && asked.waits !== 'settled_by_others') asked.waits = undefined;
    const bundle = answer === undefined ? undefined : answers.bundle(question, answer);
    if (answer === undefined || bundle === undefined) return skip(asked, 'answer_refused');
    if (!(await settlesHere(server, escrow.resultVerifier))) return skip(asked, 'settled_by_others');
    return [asked.key, hex(answer.output), loggedReceiptWords(bundle), '0x'];
  }

  async function settle(asked: Asked, args: Fulfilment): Promise<Failure | undefined> {
    const intent = { what: 'fulfil', key: `fulfil/${asked.key}`, version: '' } as const;
    try {
      await chain.send({ to, abi: settlementAbi, functionName: 'fulfil', args }, intent);
      return undefined;
    } catch (error) {
      return { asked, error };
    }
  }

  /** Answers come one after the other; as many settlements as may be are on their way at once, and so in one block. */
  async function serveAll(due: readonly Asked[], workers: readonly ReadyWorker[], moment: Moment): Promise<void> {
    const settling: Promise<Failure | undefined>[] = [];
    const settled = async (): Promise<void> => {
      for (const failure of await Promise.all(settling.splice(0))) if (failure !== undefined) failed(failure);
    };
    try {
      for (const asked of due) {
        if (settling.length >= limits.chainTransactions) await settled();
        try {
          const args = await settlementOf(asked, workers, moment);
          if (args !== undefined) settling.push(settle(asked, args));
        } catch (error) {
          failed({ asked, error });
        }
      }
    } finally {
      // Also where the chain answers no more: nothing of a round goes on after it.
      await settled();
    }
  }

  async function inputsOf({ key, block }: Asked): Promise<readonly Uint8Array[]> {
    return (await scan.recall(key, block)).map(({ input }) => fromHex(input.slice(2).toLowerCase()));
  }

  /** Only what concerns all of them ends a round: a chain that does not answer. */
  function failed({ asked, error }: Failure): void {
    if (error instanceof SettlementError) return;
    if (error instanceof PaymentError && error.code === 'chain_unavailable') throw error;
    // It may be fulfilled by somebody else, the worker busy or its evidence just ended: a few times, then seldom.
    asked.attempts += 1;
    if (asked.attempts >= MOST_ATTEMPTS) skip(asked, 'given_up');
    else later(asked);
  }

  return {
    heads,
    hurry() {
      for (const asked of known.values()) Object.assign(asked, { attempts: 0, due: 0, pause: 1 });
    },
    async serve(workers) {
      round += 1;
      const { number: newest } = await chain.block();
      const moment = { newest, isBehind: newest < before };
      before = newest;
      await discover(newest);
      save();
      const due = [...known.values()].filter((asked) => asked.due <= round);
      await serveAll(due, workers, moment);
      save();
    },
  };
}

const BLOCKS_PER_SAVE = 64n;
/** Logs whose posted sizes are remembered, for a figure that an operator reads. */
const MOST_HEADS = 4_096;
