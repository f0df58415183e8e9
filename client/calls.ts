import type { ExpectedRequest } from '../verifier/receipt/facts.ts';
import { concatBytes } from '../wire/bytes.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../wire/message/bundle.ts';
import { unitPriceOf } from '../wire/message/configuration.ts';
import { encodeRequestHeader, flag } from '../wire/message/request.ts';
import type { FinalRecord } from '../wire/message/session.ts';
import { unlessAborted } from './aborted.ts';
import { ClientError, isDistrust } from './errors.ts';
import {
  type FailoverEvent,
  type FailoverState,
  type FailoverStep,
  firstState,
  keptEvent,
  nextStep,
  type RetryRule,
} from './failover.ts';
import type { HeadMemory } from './heads.ts';
import { type Judged, judgeReceipt } from './judgement.ts';
import type { Payer, Purchase } from './payment/payer.ts';
import type { KnownRelease, Releases } from './releases.ts';
import type { Opening, SealedCall } from './session.ts';
import type { HeldSession, Sessions } from './sessions.ts';
import type { Disclosing } from './types.ts';
import { violation } from './violation.ts';

/** One request, before it is known who answers it. */
export interface Question {
  readonly modelId: Uint8Array;
  readonly operation: bigint;
  readonly format: bigint;
  readonly jsonLength: number;
  readonly body: Uint8Array;
  readonly streamed: boolean;
  readonly seed: Uint8Array;
  /** Whether its header lets auditors see it, once somebody brings them what is in it. */
  readonly disclose: Disclosing;
  /** The most that the answer may cost, where a unit costs this much. */
  readonly maxFee: (unitPrice: bigint) => bigint;
  /** Undefined: free requests may be repeated, paid ones not. */
  readonly retry: RetryRule | undefined;
  /** Once it is aborted the worker is told to end, and what the answer has cost so far is settled. */
  readonly signal: AbortSignal | undefined;
}

/** A receipted answer that holds, whatever its status. */
export interface Answered extends Judged {
  readonly held: HeldSession;
  readonly release: KnownRelease;
  readonly request: ExpectedRequest;
  /** With the whole body, also where most of it came in pieces. */
  readonly answer: FinalRecord;
  readonly bundle: ReceiptBundle;
}

/** Pieces of the body as they come, provisional until the end; then the proven answer, or an error. */
export type Answering = AsyncGenerator<Uint8Array, Answered, undefined>;

export interface CallsOptions {
  readonly sessions: Sessions;
  readonly releases: Releases;
  readonly heads: HeadMemory;
  readonly payer: Payer | undefined;
  readonly suite: Suite;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

export interface Calls {
  ask(question: Question, options?: AskOptions): Answering;
}

export interface AskOptions {
  /** Told when it is left before its end: of the answer as far as it came, or of none where none was proven. */
  readonly onLeft?: (left: Promise<Answered | undefined>) => void;
}

/** One question's way through attempts. */
interface Course {
  readonly avoid: Set<string>;
  /** Places that have said that they lack the model: who says so twice is believed. */
  readonly lacking: Set<string>;
  state: FailoverState;
  /** What was wrong when the last answer was lost. */
  why: unknown;
}

interface Sent {
  readonly held: HeldSession;
  readonly release: KnownRelease;
  readonly call: SealedCall;
  readonly request: ExpectedRequest;
  readonly purchase: Purchase | undefined;
  readonly onLeft: AskOptions['onLeft'];
  readonly pieces: Uint8Array[];
  size: number;
}

/** The first and two repeats; a kept answer is asked for during half a minute. */
const ATTEMPTS = 3;
const KEPT_ASKS = 30;
const KEPT_PAUSE_MS = 1_000;

export function createCalls(options: CallsOptions): Calls {
  const { sessions, suite, now, pause, payer } = options;

  async function* ask(question: Question, { onLeft }: AskOptions = {}): Answering {
    const course: Course = { avoid: new Set(), lacking: new Set(), state: firstState, why: undefined };
    for (;;) {
      question.signal?.throwIfAborted();
      const { modelId } = question;
      const held = await sessions.take({ modelId, avoid: course.avoid }).catch((error: unknown) => {
        throw course.why ?? error;
      });
      const sent = await prepare(held, question, onLeft).catch((error: unknown) => {
        const noted = noteFailure(held, error);
        if (!isRetry(noted)) throw noted;
        course.avoid.add(held.place);
        requireAgain(course, noted, move(course, question, { kind: 'unsent' }));
      });
      if (sent === undefined) continue;
      const final = yield* follow(sent, question, course);
      if (final === undefined) continue;
      const answered = await judge(sent, final);
      if (!isElsewhere(answered) || course.lacking.has(held.place)) return answered;
      sessions.lacks(held, modelId);
      course.lacking.add(held.place);
      course.why = statusError(answered);
      if (move(course, question, { kind: 'elsewhere' }).kind === 'give-up') return answered;
    }
  }

  /** The answer as it came or was kept; undefined where the question is to be asked again. */
  async function* follow(
    sent: Sent,
    question: Question,
    course: Course,
  ): AsyncGenerator<Uint8Array, FinalRecord | undefined, undefined> {
    const { held, call, purchase } = sent;
    const paid = purchase !== undefined;
    try {
      return yield* receive(sent, call.send(), question.signal);
    } catch (error) {
      const lost = noteFailure(held, error);
      if (!isRetry(lost)) throw given(sent, lost);
      if (lost.code !== 'session_lost') course.avoid.add(held.place);
      let step = move(course, question, { kind: 'lost', begun: sent.pieces.length > 0, paid });
      while (step.kind === 'ask' || step.kind === 'wait') {
        if (step.kind === 'wait') await pause(KEPT_PAUSE_MS);
        try {
          return yield* receive(sent, call.kept(), question.signal);
        } catch (missed) {
          const event = missed instanceof ClientError ? keptEvent(missed.code, missed.reason) : undefined;
          if (event === undefined) throw given(sent, noteFailure(held, missed));
          step = move(course, question, event);
        }
      }
      purchase?.lose();
      requireAgain(course, lost, step);
      return undefined;
    }
  }

  async function prepare(held: HeldSession, question: Question, onLeft: AskOptions['onLeft']): Promise<Sent> {
    const { modelId, body, streamed } = question;
    const { session } = held;
    const release = await options.releases.known(held.host, modelId);
    const unitPrice = unitPriceOf(session.worker.configuration, modelId, question.operation) ?? 0n;
    const maxFee = question.maxFee(unitPrice);
    const purchase = unitPrice === 0n ? undefined : await payer?.buy(session, { unitPrice, maxFee });
    const header = encodeRequestHeader({
      requestId: suite.randomBytes(32),
      modelId,
      operation: question.operation,
      format: question.format,
      jsonLength: BigInt(question.jsonLength),
      flags: flag.sealed | (streamed ? flag.streamed : 0n) | (question.disclose === 'auditors' ? flag.disclose : 0n),
      salt: suite.randomBytes(32),
      channel: purchase?.channel ?? new Uint8Array(32),
      unitPrice,
      maxFee,
      deadline: 0n,
      seed: question.seed,
    });
    const charged = purchase !== undefined;
    const call = await session.seal({ header, body, charged, streamed }).catch((error: unknown) => {
      purchase?.lose();
      throw error;
    });
    return { held, release, call, request: { header, body }, purchase, onLeft, pieces: [], size: 0 };
  }

  /** Hands on what was not handed on before. Who leaves before the end is followed by a cancel. */
  async function* receive(sent: Sent, opening: Opening, signal: AbortSignal | undefined): Opening {
    let known = sent.pieces.length;
    let pending: ReturnType<Opening['next']> | undefined;
    let over = false;
    try {
      for (;;) {
        pending = opening.next();
        const next = await unlessAborted(pending, signal);
        pending = undefined;
        if (next.done === true) {
          over = true;
          return next.value;
        }
        if (known > 0) known -= 1;
        else {
          keep(sent, next.value);
          yield next.value;
        }
      }
    } catch (error) {
      over = signal?.aborted !== true;
      throw error;
    } finally {
      if (!over) {
        const left = leave(sent, opening, { known, pending });
        sent.onLeft?.(left);
        // Who aborts wants to go on at once; who ends a loop gets to know what was wrong with its answer.
        if (signal?.aborted === true) left.catch(() => {});
        else await left;
      }
    }
  }

  /** DESIGN section 4: an answer that was cancelled is receipted, too, and charges what was generated until then. */
  async function leave(
    sent: Sent,
    opening: Opening,
    at: { readonly known: number; readonly pending: ReturnType<Opening['next']> | undefined },
  ): Promise<Answered | undefined> {
    try {
      const told = sent.call.cancel().catch((error: unknown) => {
        if (isDistrust(error)) throw error;
      });
      let known = at.known;
      let next = await (at.pending ?? opening.next());
      while (next.done !== true) {
        if (known > 0) known -= 1;
        else keep(sent, next.value);
        next = await opening.next();
      }
      await told;
      return await judge(sent, next.value);
    } catch (error) {
      sent.purchase?.lose();
      const noted = noteFailure(sent.held, error);
      if (!isRetry(noted)) throw noted;
      return undefined;
    }
  }

  async function judge(sent: Sent, final: FinalRecord): Promise<Answered> {
    const { held, request, purchase } = sent;
    try {
      const answer = { ...final, body: concatBytes(...sent.pieces, final.body) };
      const bundle = violation(() => decodeBundle(final.bundle));
      const owedBefore = purchase?.owedBefore() ?? 0n;
      const { worker } = held.session;
      const expected = { worker, request, response: answer, headerBy: 'client', owedBefore } as const;
      const { manifest } = sent.release.facts;
      const judged = await judgeReceipt(bundle, { expected, manifest, now: now(), suite });
      await purchase?.settle(judged.receipt);
      options.heads.see(judged.receipt);
      return { held, release: sent.release, request, answer, bundle, ...judged };
    } catch (error) {
      throw given(sent, noteFailure(held, error));
    }
  }

  /** What an error says about the session that it came from. */
  function noteFailure(held: HeldSession, error: unknown): unknown {
    if (error instanceof WireError) {
      sessions.forget(held);
      return new ClientError('session_lost', error.message, { reason: error.code });
    }
    if (isDistrust(error)) sessions.distrust(held, error);
    else if (error instanceof ClientError && (error.code === 'session_lost' || error.reason === 'worker_lost')) {
      sessions.forget(held);
    }
    return error;
  }

  return { ask };
}

function move(course: Course, { retry }: Question, event: FailoverEvent): FailoverStep {
  const [state, step] = nextStep(course.state, event, { retry, attempts: ATTEMPTS, asks: KEPT_ASKS });
  course.state = state;
  return step;
}

function requireAgain(course: Course, error: unknown, step: FailoverStep): void {
  if (step.kind === 'give-up') throw error;
  course.why = error;
}

/** The purchase that came with it: what it cost is not known. */
function given(sent: Sent, error: unknown): unknown {
  sent.purchase?.lose();
  return error;
}

function keep(sent: Sent, piece: Uint8Array): void {
  sent.size += piece.length;
  if (sent.size > limits.bodyBytes) throw new ClientError('response_too_large', `more than ${limits.bodyBytes} bytes`);
  sent.pieces.push(piece);
}

function isRetry(error: unknown): error is ClientError {
  return error instanceof ClientError && error.action === 'retry';
}

function isElsewhere({ receipt, answer }: Answered): boolean {
  return receipt.status === 'refused' && answerCode(answer) === 'model_not_loaded';
}

/** The worker's own code for why an answer is no result. */
export function answerCode({ body }: FinalRecord): string | undefined {
  const text = new TextDecoder().decode(body.subarray(0, 2_048));
  return /"code":"([a-z_]{1,64})"/.exec(text)?.[1];
}

/** Undefined where there is a result. */
export function statusError({ receipt, answer }: Answered): ClientError | undefined {
  if (receipt.status === 'ok' || receipt.status === 'cancelled') return undefined;
  const reason = answerCode(answer) ?? receipt.status;
  const code = receipt.status === 'refused' ? 'answer_refused' : 'answer_failed';
  return new ClientError(code, `the worker answered ${receipt.status}: ${reason}`, { reason });
}
