import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { type Configuration, decodeConfiguration } from '../../wire/message/configuration.ts';
import { type Attested, HANDSHAKE_MESSAGE_BYTES, type PlainAnswer, SESSION_ID_BYTES } from '../../wire/message/link.ts';
import { decodeCharged, decodeRecordKind, recordKind } from '../../wire/message/session.ts';
import { deferred } from '../deferred.ts';
import { type EventSink, LinkError } from '../errors.ts';
import type { Leaving } from '../leaving.ts';
import type { Release } from '../releases.ts';
import type { AskOptions, ReadyWorker, WorkerLink } from '../worker-link.ts';
import { createChoice } from './choice.ts';
import { type Member, type MemberWaits, memberWaits, modelKey, openMember } from './member.ts';
import type { Pin } from './pins.ts';
import { createPlacement } from './placement.ts';
import { createSessionTable } from './sessions.ts';
import type { MemberState } from './state.ts';

/** All workers of one host: one link each, one configuration for all, a log of its own for every one (DESIGN section 4). */
export interface WorkerPool {
  /** What every worker here was given; prices and limits are the same at each. */
  readonly configuration: Configuration;
  /** Resolves at the first moment when one worker has been offered all releases that are loaded at start. */
  readonly ready: Promise<ReadyWorker>;
  /** As they are configured, in that order, whatever state they are in. */
  readonly members: readonly PoolMember[];
  /** Some worker that is here, one that takes work where there is any; throws what says why there is none. */
  any(): ReadyWorker;
  /** The worker of that log, if it is here, whether or not it takes work. */
  byLog(log: Uint8Array): ReadyWorker | undefined;
  /** The worker that answered the handshake; throws `session_unknown`. */
  ofSession(sessionId: Uint8Array): ReadyWorker;
  /** Whether a request for it would find it loaded, or would wait for that. */
  serves(modelId: Uint8Array): 'now' | 'later';
  /** Throws `busy` where a request would be refused for want of room: asked before a body is read. */
  assertRoom(): void;
  attest(challenge: Uint8Array, options?: Directed): Promise<Attestation>;
  /**
   * The session's id, chosen by the worker, stands at the start of the reply; what follows goes to the same worker. The
   * records of a session do not say which model they are for: who opens it may, so that the model is there.
   */
  handshake(message1: Uint8Array, options?: HandshakeOptions): Promise<Uint8Array>;
  sealed(sessionId: Uint8Array, record: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  charged(sessionId: Uint8Array, payload: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  /** Goes to the worker with the least to do among those that have the model, which is loaded where none has. */
  plain(modelId: Uint8Array, request: Uint8Array, options?: AskOptions & Directed): Promise<Answered>;
  /** Nothing new goes to that worker, sessions included; what is under way finishes. */
  drain(index: number): void;
  /** The same by the word of auditors: it stays out, also when it comes back, until it is resumed. */
  suspect(index: number): void;
  resume(index: number): void;
  /** The releases are others now. Resolves when what is new is loaded, as far as there is room. */
  releasesChanged(): Promise<void>;
  close(): Promise<void>;
}

export interface Directed {
  /** Only the worker of this log will do; `worker_unknown` where it is not here. */
  readonly log?: Uint8Array;
}

export interface HandshakeOptions extends AskOptions, Directed {
  readonly modelId?: Uint8Array;
}

export interface Attestation {
  readonly worker: ReadyWorker;
  readonly attested: Attested;
}

export interface Answered {
  readonly worker: ReadyWorker;
  readonly answer: PlainAnswer;
}

export interface PoolMember {
  /** Its place among the links. Logs change with each boot of a worker; this does not. */
  readonly index: number;
  readonly state: MemberState;
  /** Whether the operator took it out; also while it is not connected. */
  readonly draining: boolean;
  /** Who it is, while a configured worker is connected. */
  readonly worker: ReadyWorker | undefined;
  /** The ids of the models that it has. */
  readonly models: readonly Uint8Array[];
  /** Requests sent and not yet answered. */
  readonly underWay: number;
  /** Milliseconds of the pool's clock; undefined before it did. */
  readonly attestedAt: number | undefined;
}

/** What is measured of each request. */
export interface PoolObserver {
  /** From being accepted to being sent: waiting for a model to be loaded. */
  queued(milliseconds: number): void;
  /** From being sent to the last byte of its answer. */
  answered(index: number, milliseconds: number): void;
}

export interface PoolOptions {
  readonly configuration: Uint8Array;
  /** How many workers there are. */
  readonly size: number;
  readonly openLink: (index: number, offers: LinkOffers, hear: EventSink) => WorkerLink;
  readonly releases: () => readonly Release[];
  readonly pins?: readonly Pin[];
  readonly onEvent: EventSink;
  readonly onAttested: (worker: ReadyWorker, attested: Attested) => void;
  readonly observer?: PoolObserver;
  readonly now: () => number;
  readonly waits?: Partial<MemberWaits>;
  /** Milliseconds that a request waits for a model to be loaded. */
  readonly loadPatience?: number;
  /** Requests under way at one worker, and accepted for all of them together; beyond either the answer is `busy`. */
  readonly pendingPerWorker?: number;
  readonly pending?: number;
}

export type LinkOffers = (present: readonly Uint8Array[]) => readonly Release[];

const NONE: ReadonlySet<Member> = new Set();
const LOAD_PATIENCE_MS = 60_000;

export function createWorkerPool(options: PoolOptions): WorkerPool {
  const { onEvent, now, observer } = options;
  const configuration = decodeConfiguration(options.configuration);
  const perWorker = options.pendingPerWorker ?? limits.hostPending;
  const overAll = options.pending ?? limits.hostPendingInAll;
  const patience = options.loadPatience ?? LOAD_PATIENCE_MS;
  const sessions = createSessionTable();
  const firstReady = deferred<ReadyWorker>();
  let members: readonly Member[] = [];
  /** Accepted and not yet answered, also while they wait for a model. */
  let accepted = 0;

  const placement = createPlacement({
    configuration,
    releases: options.releases,
    pins: options.pins ?? [],
    members: () => members,
  });

  members = Array.from({ length: options.size }, (_, index) =>
    openMember({
      index,
      openLink: (place, hear) => options.openLink(place, (present) => placement.initial(place, present), hear),
      waits: { ...memberWaits, ...options.waits },
      now,
      onEvent,
      onAttested: options.onAttested,
      onFreed: () => placement.freed(),
      onGone: () => placement.gone(index),
    }),
  );

  Promise.any(members.map(({ link }) => link.ready)).then(firstReady.resolve, () =>
    firstReady.reject(new LinkError('link_closed', 'the host is stopping')),
  );

  const choice = createChoice({
    members: () => members,
    isAt: (member, model) => placement.isAt(member, model),
    perWorker,
  });

  /** The same one each time while it stays: whoever names no log shall not see several as if they were one. */
  function anyMember(): Member {
    const found = choice.candidates(undefined, NONE)[0] ?? members.find(({ worker }) => worker !== undefined);
    if (found === undefined) throw choice.nobody();
    return found;
  }

  function assertRoom(): void {
    if (accepted >= overAll) throw new LinkError('busy', `${accepted} requests were accepted`);
  }

  /** Counts a request from here to its end. */
  async function accepting<T>(work: () => Promise<T>): Promise<T> {
    assertRoom();
    accepted += 1;
    try {
      return await work();
    } finally {
      accepted -= 1;
    }
  }

  async function at<T>(member: Member, model: string | undefined, work: () => Promise<T>): Promise<T> {
    if (member.underWay >= perWorker) throw new LinkError('busy', `${member.underWay} requests are under way there`);
    const since = now();
    const finish = member.begin(model);
    try {
      return await work();
    } finally {
      finish();
      observer?.answered(member.index, now() - since);
    }
  }

  /**
   * A worker that is lost before anything was sent to it costs nothing, and another may do it. What was sent is never
   * repeated: a worker that was lost may have done it, and a repeat is a new charge (DESIGN section 5).
   */
  function onSome<T>(
    { log, modelId, signal }: Directed & { readonly modelId?: Uint8Array; readonly signal?: Leaving },
    work: (member: Member, worker: ReadyWorker) => Promise<T>,
  ): Promise<T> {
    return accepting(async () => {
      const since = now();
      const model = modelId === undefined ? undefined : modelKey(modelId);
      let tried = NONE;
      for (;;) {
        if (modelId !== undefined) await bring(modelId, () => choice.candidates(log, tried), signal);
        const member = choice.least(choice.candidates(log, tried), model);
        try {
          const worker = member.usable as ReadyWorker;
          observer?.queued(now() - since);
          return await at(member, model, () => work(member, worker));
        } catch (error) {
          if (!(error instanceof LinkError) || error.code !== 'worker_unreachable') throw error;
        }
        tried = new Set([...tried, member]);
      }
    });
  }

  function bring(modelId: Uint8Array, taking: () => readonly Member[], signal?: Leaving): Promise<void> {
    return placement.bring(modelId, taking, { signal, patience });
  }

  function sessionMember(sessionId: Uint8Array): { readonly member: Member; readonly modelId?: Uint8Array } {
    for (const { index, worker } of members) if (worker !== undefined) sessions.isNow({ index, log: worker.log });
    const found = sessions.find(sessionId);
    if (found !== undefined) return { ...found, member: members[found.index] as Member };
    // A host that was restarted remembers nothing; with one worker there is nothing to remember.
    const [only, ...others] = members;
    if (only !== undefined && others.length === 0) return { member: only };
    throw new LinkError('session_unknown', 'no handshake of that session is remembered');
  }

  function inSession<T>(
    sessionId: Uint8Array,
    signal: Leaving | undefined,
    work: (link: WorkerLink) => Promise<T>,
    shown?: Uint8Array,
  ): Promise<T> {
    return accepting(async () => {
      const { member, modelId: said } = sessionMember(sessionId);
      const modelId = shown ?? said;
      const taking = (): readonly Member[] => (member.usable === undefined ? [] : [member]);
      if (modelId !== undefined) await bring(modelId, taking, signal);
      if (member.usable === undefined) throw choice.nobody();
      return at(member, modelId === undefined ? undefined : modelKey(modelId), () => work(member.link));
    });
  }

  return {
    configuration,
    ready: firstReady.promise,
    members: members.map((member) => ({
      index: member.index,
      get state() {
        return member.state;
      },
      get draining() {
        return member.draining;
      },
      get worker() {
        return member.worker;
      },
      get models() {
        return member.link.models;
      },
      get underWay() {
        return member.underWay;
      },
      get attestedAt() {
        return member.attestedAt;
      },
    })),
    any: () => anyMember().worker as ReadyWorker,
    byLog: (log) => choice.withLog(log)?.worker,
    ofSession(sessionId) {
      const { worker } = sessionMember(sessionId).member;
      if (worker === undefined) throw choice.nobody();
      return worker;
    },
    serves: (modelId) =>
      choice.candidates(undefined, NONE).some((member) => placement.isAt(member, modelKey(modelId))) ? 'now' : 'later',
    assertRoom,
    async attest(challenge, { log } = {}) {
      // Also of a worker that takes no work: whoever holds its receipts may ask for its evidence.
      const member = log === undefined ? anyMember() : choice.directed(log);
      const worker = member.worker as ReadyWorker;
      return { worker, attested: await member.link.attest(challenge) };
    },
    handshake: (message1, { log, modelId, ...asked } = {}) =>
      onSome({ ...named(log, modelId), ...asked }, async ({ link, index }, worker) => {
        const reply = await link.handshake(message1, asked);
        if (reply.length !== SESSION_ID_BYTES + HANDSHAKE_MESSAGE_BYTES) {
          throw new LinkError('worker_protocol', 'a handshake is answered with an id and a message');
        }
        sessions.remember(reply.subarray(0, SESSION_ID_BYTES), { index, log: worker.log }, modelId);
        return reply;
      }),
    sealed: (sessionId, record, asked = {}) =>
      inSession(sessionId, asked.signal, (link) => link.sealed(sessionId, record, asked)),
    charged: (sessionId, payload, asked = {}) =>
      inSession(sessionId, asked.signal, (link) => link.charged(sessionId, payload, asked), modelOf(payload)),
    plain: (modelId, request, { log, ...asked } = {}) =>
      onSome({ ...named(log, modelId), ...asked }, async ({ link }, worker) => ({
        worker,
        answer: await link.plain(request, asked),
      })),
    drain: (index) => members[index]?.drain(),
    suspect: (index) => members[index]?.suspect(),
    resume: (index) => members[index]?.resume(),
    releasesChanged: () => placement.changed(),
    async close() {
      await Promise.all(members.map((member) => member.close()));
    },
  };
}

function named(
  log: Uint8Array | undefined,
  modelId: Uint8Array | undefined,
): Directed & { readonly modelId?: Uint8Array } {
  return { ...(log === undefined ? {} : { log }), ...(modelId === undefined ? {} : { modelId }) };
}

/** Requests that charge a channel show their model outside the seal; other records are for no model. */
function modelOf(payload: Uint8Array): Uint8Array | undefined {
  try {
    const { kind, rest } = decodeRecordKind(decodeCharged(payload).shown);
    return kind === recordKind.request && rest.length === SHOWN_REQUEST_BYTES ? rest.slice(0, 32) : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Model and channel. */
const SHOWN_REQUEST_BYTES = 64;
