import { equalBytes, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { type Configuration, decodeConfiguration } from '../../wire/message/configuration.ts';
import { type Attested, HANDSHAKE_MESSAGE_BYTES, type PlainAnswer, SESSION_ID_BYTES } from '../../wire/message/link.ts';
import { deferred } from '../deferred.ts';
import { LinkError } from '../errors.ts';
import type { AskOptions, ReadyWorker, WorkerLink } from '../worker-link.ts';
import { createSessionTable } from './sessions.ts';
import { type MemberState, stateOf } from './state.ts';

/** All workers of one host: one link each, one configuration for all, a log of its own for every one (DESIGN section 4). */
export interface WorkerPool {
  /** What every worker here was given; prices and limits are the same at each. */
  readonly configuration: Configuration;
  /** Resolves at the first moment when one worker has been offered all releases that are loaded at start. */
  readonly ready: Promise<ReadyWorker>;
  /** As they are configured, in that order, whatever state they are in. */
  readonly members: readonly PoolMember[];
  /** Some worker that can be asked now; throws what says why there is none. */
  any(): ReadyWorker;
  /** The worker of that log, if it can be asked now. */
  byLog(log: Uint8Array): ReadyWorker | undefined;
  /** The worker that answered the handshake; throws `session_unknown`. */
  ofSession(sessionId: Uint8Array): ReadyWorker;
  /** Throws `busy` where a request would be refused for want of room: asked before a body is read. */
  assertRoom(): void;
  attest(challenge: Uint8Array, options?: Directed): Promise<Attestation>;
  /** The session's id, chosen by the worker, stands at the start of the reply; what follows goes to the same worker. */
  handshake(message1: Uint8Array, options?: AskOptions & Directed): Promise<Uint8Array>;
  sealed(sessionId: Uint8Array, record: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  charged(sessionId: Uint8Array, payload: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  /** Goes to the worker with the least to do among those that have the model. */
  plain(modelId: Uint8Array, request: Uint8Array, options?: AskOptions & Directed): Promise<Answered>;
  close(): Promise<void>;
}

export interface Directed {
  /** Only the worker of this log will do; `worker_unknown` where it is not here. */
  readonly log?: Uint8Array;
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
  /** Who it is, while a configured worker is connected. */
  readonly worker: ReadyWorker | undefined;
  /** The ids of the models that it has. */
  readonly models: readonly Uint8Array[];
  /** Requests sent and not yet answered. */
  readonly underWay: number;
}

export interface PoolOptions {
  readonly configuration: Uint8Array;
  readonly links: readonly WorkerLink[];
  /** Requests under way at one worker, and at all of them together; beyond either the answer is `busy`. */
  readonly pendingPerWorker?: number;
  readonly pending?: number;
}

interface Member {
  readonly index: number;
  readonly link: WorkerLink;
  underWay: number;
}

export function createWorkerPool(options: PoolOptions): WorkerPool {
  const perWorker = options.pendingPerWorker ?? limits.hostPending;
  const overAll = options.pending ?? limits.hostPendingInAll;
  const members = options.links.map((link, index): Member => ({ index, link, underWay: 0 }));
  const sessions = createSessionTable();
  const firstReady = deferred<ReadyWorker>();
  let underWay = 0;
  /** Where the next search for the least busy one begins, so that idle workers take turns. */
  let turn = 0;

  Promise.any(members.map(({ link }) => link.ready)).then(firstReady.resolve, () =>
    firstReady.reject(new LinkError('link_closed', 'the host is stopping')),
  );

  function usable(): readonly Member[] {
    return members.filter((member) => workerOf(member) !== undefined);
  }

  function directed(log: Uint8Array): Member {
    const found = usable().find((member) => equalBytes((workerOf(member) as ReadyWorker).log, log));
    if (found === undefined) throw new LinkError('worker_unknown', toHex(log));
    return found;
  }

  /** The one with the least to do, from those not yet tried. */
  function choose(modelId: Uint8Array | undefined, tried: ReadonlySet<Member>): Member {
    const left = usable().filter((member) => !tried.has(member));
    const having = modelId === undefined ? left : left.filter(({ link }) => link.has(modelId));
    // Where none has it, a worker says so itself, and with a receipt.
    const candidates = having.length > 0 ? having : left;
    const count = members.length;
    const distance = ({ index }: Member): number => (index - turn + count) % count;
    const [best] = [...candidates].sort(
      (one, other) => one.underWay - other.underWay || distance(one) - distance(other),
    );
    if (best === undefined) throw noWorker();
    turn = (best.index + 1) % count;
    return best;
  }

  function noWorker(): LinkError {
    const kinds = new Set(members.map(({ link }) => link.status.kind));
    if (kinds.has('journal_failed')) return new LinkError('journal_unavailable', 'the journal cannot be written');
    if (kinds.size === 1 && kinds.has('closed')) return new LinkError('link_closed', 'the host is stopping');
    return new LinkError('worker_unreachable', 'no usable worker');
  }

  async function counted<T>(member: Member, work: () => Promise<T>): Promise<T> {
    assertRoom();
    if (member.underWay >= perWorker) throw new LinkError('busy', `${member.underWay} requests are under way there`);
    member.underWay += 1;
    underWay += 1;
    try {
      return await work();
    } finally {
      member.underWay -= 1;
      underWay -= 1;
    }
  }

  function assertRoom(): void {
    if (underWay >= overAll) throw new LinkError('busy', `${underWay} requests are under way`);
  }

  /**
   * A worker that is lost before anything was sent to it costs nothing, and another may do it. What was sent is never
   * repeated: a worker that was lost may have done it, and a repeat is a new charge (DESIGN section 5).
   */
  async function onSome<T>(
    { log, modelId }: Directed & { readonly modelId?: Uint8Array },
    work: (link: WorkerLink, worker: ReadyWorker, index: number) => Promise<T>,
  ): Promise<T> {
    const tried = new Set<Member>();
    for (;;) {
      const member = log === undefined ? choose(modelId, tried) : directed(log);
      const worker = workerOf(member);
      try {
        if (worker !== undefined) return await counted(member, () => work(member.link, worker, member.index));
      } catch (error) {
        if (!(error instanceof LinkError) || error.code !== 'worker_unreachable') throw error;
      }
      tried.add(member);
      if (log !== undefined) throw new LinkError('worker_unreachable', 'the worker of that log is not connected');
    }
  }

  function sessionMember(sessionId: Uint8Array): Member {
    for (const member of members) {
      const worker = workerOf(member);
      if (worker !== undefined) sessions.isNow({ index: member.index, log: worker.log });
    }
    const index = sessions.find(sessionId);
    if (index !== undefined) return members[index] as Member;
    // A host that was restarted remembers nothing; with one worker there is nothing to remember.
    const [only, ...others] = members;
    if (only !== undefined && others.length === 0) return only;
    throw new LinkError('session_unknown', 'no handshake of that session is remembered');
  }

  async function inSession<T>(sessionId: Uint8Array, work: (link: WorkerLink) => Promise<T>): Promise<T> {
    const member = sessionMember(sessionId);
    return counted(member, () => work(member.link));
  }

  return {
    configuration: decodeConfiguration(options.configuration),
    ready: firstReady.promise,
    members: members.map((member) => ({
      index: member.index,
      get state() {
        return stateOf(member.link.status);
      },
      get worker() {
        return workerOf(member);
      },
      get models() {
        return member.link.models;
      },
      get underWay() {
        return member.underWay;
      },
    })),
    any() {
      const [first] = usable();
      const worker = first === undefined ? undefined : workerOf(first);
      if (worker === undefined) throw noWorker();
      return worker;
    },
    byLog: (log) =>
      usable()
        .map(workerOf)
        .find((worker) => worker !== undefined && equalBytes(worker.log, log)),
    ofSession(sessionId) {
      const worker = workerOf(sessionMember(sessionId));
      if (worker === undefined) throw noWorker();
      return worker;
    },
    assertRoom,
    attest: (challenge, asked = {}) =>
      onSome(asked, async (link, worker) => ({ worker, attested: await link.attest(challenge) })),
    handshake: (message1, { log, ...asked } = {}) =>
      onSome(log === undefined ? {} : { log }, async (link, worker, index) => {
        const reply = await link.handshake(message1, asked);
        if (reply.length !== SESSION_ID_BYTES + HANDSHAKE_MESSAGE_BYTES) {
          throw new LinkError('worker_protocol', 'a handshake is answered with an id and a message');
        }
        sessions.remember(reply.subarray(0, SESSION_ID_BYTES), { index, log: worker.log });
        return reply;
      }),
    sealed: (sessionId, record, asked = {}) => inSession(sessionId, (link) => link.sealed(sessionId, record, asked)),
    charged: (sessionId, payload, asked = {}) =>
      inSession(sessionId, (link) => link.charged(sessionId, payload, asked)),
    plain: (modelId, request, { log, ...asked } = {}) =>
      onSome({ modelId, ...(log === undefined ? {} : { log }) }, async (link, worker) => ({
        worker,
        answer: await link.plain(request, asked),
      })),
    async close() {
      await Promise.all(members.map(({ link }) => link.close()));
    },
  };
}

function workerOf({ link: { status } }: Member): ReadyWorker | undefined {
  return 'worker' in status ? status.worker : undefined;
}
