import { equalBytes, toHex } from '../wire/bytes.ts';
import { type Configuration, decodeConfiguration } from '../wire/message/configuration.ts';
import {
  type Attested,
  decodeAttested,
  decodePlainAnswer,
  decodeReadyInfo,
  encodeAcknowledge,
  encodeForSession,
  linkKind,
  type PlainAnswer,
  type ReadyInfo,
  type WorkerState,
} from '../wire/message/link.ts';
import { type Connection, openConnection } from './connection.ts';
import { deferred } from './deferred.ts';
import { type EventSink, LinkError, type WorkerFault, WorkerRefusedError } from './errors.ts';
import type { WorkerHealth } from './health.ts';
import { createIntake, type Intake } from './intake.ts';
import { type Journal, JournalError, logOf } from './journal/index.ts';
import type { KeyService } from './kms.ts';
import type { Leaving } from './leaving.ts';
import { asLinkError, parsed, refusalOf, unavailable } from './link-errors.ts';
import { type Patience, patience } from './patience.ts';
import { pushRelease, type Release } from './releases.ts';

/** A configured worker whose log the journal agrees with. */
export interface ReadyWorker {
  readonly log: Uint8Array;
  readonly info: ReadyInfo;
  /** What `info.configuration` says. */
  readonly configuration: Configuration;
}

export type LinkStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'loading'; readonly worker: ReadyWorker }
  | { readonly kind: 'ready'; readonly worker: ReadyWorker }
  | { readonly kind: 'unusable'; readonly fault: WorkerFault }
  | { readonly kind: 'journal_failed' }
  | { readonly kind: 'closed' };

export interface AskOptions {
  readonly signal?: Leaving;
  /** Takes the pieces of a streamed answer as they come; what it resolves to is the rest. */
  readonly onPiece?: (bytes: Uint8Array) => void;
}

/** The host's side of the link (DESIGN sections 4 and 5). It reconnects for as long as it lives. */
export interface WorkerLink {
  readonly status: LinkStatus;
  /** Resolves at the first moment when all releases were offered to a configured worker. */
  readonly ready: Promise<ReadyWorker>;
  /** The ids of the models that the worker has; empty while there is none. */
  readonly models: readonly Uint8Array[];
  /** By its id in hex. */
  has(model: string): boolean;
  /** Resolves when nothing is being loaded: what was offered at the start is there then, or refused. */
  settled(): Promise<void>;
  /** `loaded`, or why the worker or KMS would not have it. Releases go one after the other. */
  load(release: Release): Promise<string>;
  /** The worker lets a model go once what it runs is done. */
  unload(modelId: Uint8Array): Promise<void>;
  attest(challenge: Uint8Array): Promise<Attested>;
  handshake(message1: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  sealed(sessionId: Uint8Array, record: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  /** A record that charges a channel, behind what its client showed. */
  charged(sessionId: Uint8Array, payload: Uint8Array, options?: AskOptions): Promise<Uint8Array>;
  plain(request: Uint8Array, options?: AskOptions): Promise<PlainAnswer>;
  close(): Promise<void>;
}

export interface WorkerLinkOptions {
  readonly path: string;
  readonly configuration: Uint8Array;
  /** What a worker that has just come, and has these models, is offered before it counts as ready. */
  readonly releases: (present: readonly Uint8Array[]) => readonly Release[];
  /** Without it encrypted releases are refused. */
  readonly keys?: KeyService;
  readonly journal: Journal;
  readonly health: WorkerHealth;
  readonly onEvent: EventSink;
  readonly patience?: Partial<Patience>;
}

export function openWorkerLink(options: WorkerLinkOptions): WorkerLink {
  const { journal, onEvent } = options;
  const waits: Patience = { ...patience, ...options.patience };
  const configuration: Configuration = decodeConfiguration(options.configuration);
  const runMs = configuration.limits.runMilliseconds + waits.queueMs;
  let status: LinkStatus = { kind: 'connecting' };
  /** The connection that exists, and the one that requests may use. */
  let active: Connection | undefined;
  let serving: { readonly connection: Connection; readonly intake: Intake } | undefined;
  let closed = false;
  let wake = (): void => undefined;
  let models = new Map<string, Uint8Array>();
  /** Ends when the last release that is being pushed is there. */
  let pushing: Promise<unknown> = Promise.resolve();
  const firstReady = deferred<ReadyWorker>();

  async function keepConnected(): Promise<void> {
    let wait = waits.reconnectMs[0];
    while (!closed) {
      const wasReady = await connectOnce();
      if (closed) break;
      wait = wasReady ? waits.reconnectMs[0] : Math.min(2 * wait, waits.reconnectMs[1]);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Lives as long as one connection; tells whether it was ever of use. */
  async function connectOnce(): Promise<boolean> {
    const ended = deferred<LinkError>();
    const stateArrived = deferred<WorkerState>();
    const intake = createIntake(journal, options.health, (error) => onJournalFailure(error));
    let opened: Connection;
    try {
      opened = await openConnection(options.path, {
        onUnsolicited: (frame) => intake.take(frame, stateArrived.resolve),
        onClose: (error) => {
          stateArrived.reject(error);
          ended.resolve(error);
        },
      });
    } catch {
      if (status.kind !== 'unusable' && status.kind !== 'journal_failed') status = { kind: 'connecting' };
      return false;
    }
    active = opened;
    if (closed) opened.close(new LinkError('link_closed', 'the host is stopping'));
    const timer = setTimeout(() => opened.close(new LinkError('worker_protocol', 'no state arrived')), waits.stateMs);
    let wasReady = false;
    try {
      const state = await stateArrived.promise;
      clearTimeout(timer);
      await bringUp(opened, state, intake);
      wasReady = true;
    } catch (error) {
      opened.close(asLinkError(error));
    } finally {
      clearTimeout(timer);
    }
    const error = await ended.promise;
    active = undefined;
    serving = undefined;
    models = new Map();
    if (status.kind === 'ready' || status.kind === 'loading') status = { kind: 'connecting' };
    if (!closed) onEvent({ event: 'link_down', code: error.code });
    return wasReady;

    function onJournalFailure(error: unknown): void {
      const code = error instanceof JournalError ? error.code : 'journal_failed';
      onEvent({ event: 'journal_failed', code });
      if (code === 'journal_full' || code === 'journal_failed' || code === 'journal_closed') {
        // The worker still has what was not written, and sends it again on the next connection.
        status = { kind: 'journal_failed' };
      } else {
        unusable('journal_disagrees');
      }
      opened.close(new LinkError('journal_unavailable', code, { cause: error }));
    }
  }

  async function bringUp(opened: Connection, state: WorkerState, intake: Intake): Promise<void> {
    const info = state.ready ?? (await configure(opened));
    if (!equalBytes(info.configuration, options.configuration)) {
      throw unusable('configuration_mismatch');
    }
    let log: Uint8Array;
    try {
      log = logOf(info);
    } catch {
      throw unusable('protocol_violated');
    }
    if (journal.conflicts(log).length > 0) throw unusable('journal_disagrees');
    try {
      await journal.openLog(info);
    } catch (error) {
      status = { kind: 'journal_failed' };
      throw error;
    }
    if (journal.size(log) < state.acknowledged) {
      // Leaves that this host acknowledged are gone: without them nothing in this log can be proven any more.
      throw unusable('journal_disagrees');
    }
    await intake.start(log, (count) => opened.send(linkKind.acknowledge, encodeAcknowledge(count)));
    models = new Map(state.models.map((modelId) => [toHex(modelId), modelId]));
    serving = { connection: opened, intake };
    const worker: ReadyWorker = { log, info, configuration };
    status = { kind: 'loading', worker };
    onEvent({ event: 'link_up', log: toHex(log) });
    const postponed = await offerAll(opened, options.releases(state.models));
    status = { kind: 'ready', worker };
    firstReady.resolve(worker);
    void offerLater(opened, postponed);
  }

  /** A worker takes one release at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = pushing.then(work);
    pushing = turn.catch(() => undefined);
    return turn;
  }

  /** Gives back those that are worth another attempt. */
  function offerAll(opened: Connection, releases: readonly Release[]): Promise<readonly Release[]> {
    return inTurn(async () => {
      const postponed: Release[] = [];
      for (const release of releases) {
        if ((await offer(opened, release)) === 'kms_unavailable') postponed.push(release);
      }
      return postponed;
    });
  }

  /** KMS can be away for a while; the other models are served meanwhile. Ends with the connection. */
  async function offerLater(opened: Connection, releases: readonly Release[]): Promise<void> {
    let left = releases;
    while (left.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, waits.keyRetryMs).unref());
      if (active !== opened) return;
      try {
        left = await offerAll(opened, left);
      } catch (error) {
        opened.close(asLinkError(error));
        return;
      }
    }
  }

  async function configure(opened: Connection): Promise<ReadyInfo> {
    try {
      return decodeReadyInfo(await request(opened, linkKind.configure, options.configuration, waits.configureMs));
    } catch (error) {
      if (error instanceof WorkerRefusedError) throw unusable('configuration_refused');
      throw error;
    }
  }

  /** A refused release is the publisher's or the configuration's affair; the others are still served. */
  async function offer(opened: Connection, release: Release): Promise<string> {
    const modelId = toHex(release.modelId);
    if (models.has(modelId)) return 'loaded';
    try {
      await pushRelease(release, (kind, payload) => request(opened, kind, payload, waits.releaseMs), options.keys);
      models.set(modelId, release.modelId);
      onEvent({ event: 'release_loaded', modelId });
      return 'loaded';
    } catch (error) {
      if (error instanceof LinkError && !(error instanceof WorkerRefusedError)) throw error;
      const code = refusalOf(error);
      onEvent({ event: 'release_refused', modelId, code });
      return code;
    }
  }

  function unusable(fault: WorkerFault): LinkError {
    status = { kind: 'unusable', fault };
    onEvent({ event: 'worker_unusable', fault });
    return new LinkError('worker_protocol', fault);
  }

  function request(to: Connection, kind: number, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return to.request(kind, payload, { timeoutMs, before: nothingBefore, signal: undefined });
  }

  function inService(): NonNullable<typeof serving> {
    if (serving === undefined) throw unavailable(status);
    return serving;
  }

  async function ask(kind: number, payload: Uint8Array, timeoutMs: number, asked: AskOptions): Promise<Uint8Array> {
    const { connection, intake } = inService();
    // DESIGN section 4: an answer leaves after the journal has written every receipt that came before it.
    const receipted = kind === linkKind.plain || kind === linkKind.sealed || kind === linkKind.charged;
    const before = receipted ? intake.written : nothingBefore;
    const { signal, onPiece } = asked;
    return connection.request(kind, payload, {
      timeoutMs,
      before,
      signal,
      ...(onPiece === undefined ? {} : { onPiece }),
    });
  }

  const running = keepConnected();

  return {
    get status() {
      return status;
    },
    ready: firstReady.promise,
    get models() {
      return [...models.values()];
    },
    has: (model) => models.has(model),
    settled: async () => {
      await pushing;
    },
    async load(release) {
      const { connection } = inService();
      return inTurn(() => offer(connection, release));
    },
    async unload(modelId) {
      const { connection } = inService();
      await request(connection, linkKind.unload, modelId, waits.releaseMs);
      models.delete(toHex(modelId));
      onEvent({ event: 'release_unloaded', modelId: toHex(modelId) });
    },
    attest: async (challenge) => parsed(decodeAttested, await ask(linkKind.attest, challenge, waits.attestMs, {})),
    handshake: (message1, asked = {}) => ask(linkKind.handshake, message1, waits.handshakeMs, asked),
    sealed: (sessionId, record, asked = {}) => ask(linkKind.sealed, encodeForSession(sessionId, record), runMs, asked),
    charged: (sessionId, payload, asked = {}) =>
      ask(linkKind.charged, encodeForSession(sessionId, payload), runMs, asked),
    async plain(payload, asked = {}) {
      return parsed(decodePlainAnswer, await ask(linkKind.plain, payload, runMs, asked));
    },
    async close() {
      closed = true;
      const error = new LinkError('link_closed', 'the host is stopping');
      firstReady.reject(error);
      active?.close(error);
      wake();
      await running;
      status = { kind: 'closed' };
    },
  };
}

async function nothingBefore(): Promise<void> {}
