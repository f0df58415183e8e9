import { connect, type Socket } from 'node:net';
import { createFrameReader, encodeFrame, type Frame } from '../wire/codec/frame.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { decodeRefusal, linkKind } from '../wire/message/link.ts';
import { LinkError, WorkerRefusedError } from './errors.ts';
import type { Leaving } from './leaving.ts';

export interface RequestOptions {
  readonly timeoutMs: number;
  /** What must have happened before the reply is handed on; asked when the reply arrives. */
  readonly before: () => Promise<void>;
  /** Aborting gives the place back and tells the worker; its answer is then dropped when it comes. */
  readonly signal: Leaving | undefined;
  /** Takes what comes of a streamed answer before the reply; without it, such an answer breaks the protocol. */
  readonly onPiece?: (payload: Uint8Array) => void;
}

/** One connection to the worker: frames out and in, requests matched with replies by their id. */
export interface Connection {
  request(kind: number, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array>;
  send(kind: number, payload: Uint8Array): void;
  /** Ends the connection; every pending request fails with this error. */
  close(error: LinkError): void;
}

export interface ConnectionHandlers {
  /** Frames that answer nothing; throwing a `LinkError` ends the connection with it. */
  onUnsolicited(frame: Frame): void;
  /** Called once, also when no connection came about. */
  onClose(error: LinkError): void;
}

interface Pending {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly before: () => Promise<void>;
  readonly onPiece: ((payload: Uint8Array) => void) | undefined;
  /** Waits for the whole time again: a stream may take long as long as it goes on. */
  readonly refresh: () => void;
  readonly forget: () => void;
}

const HIGHEST_ID = 0xffff_ffff;

export function openConnection(path: string, handlers: ConnectionHandlers): Promise<Connection> {
  const socket = connect(path);
  const pending = new Map<number, Pending>();
  /** Ids whose answers are no longer wanted; the worker may still send one of each. */
  const abandoned = new Set<number>();
  let nextId = 1;
  let failure: LinkError | undefined;
  let corked = false;

  function fail(error: LinkError): void {
    if (failure !== undefined) return;
    failure = error;
    socket.destroy();
    for (const [id, request] of [...pending]) {
      settle(id, request);
      request.reject(error);
    }
    handlers.onClose(error);
  }

  function settle(id: number, request: Pending): void {
    pending.delete(id);
    request.forget();
  }

  function onFrame(frame: Frame): void {
    if (frame.id === 0) handlers.onUnsolicited(frame);
    else if (frame.kind === linkKind.piece) onPiece(frame);
    else onReply(frame);
  }

  function onPiece({ id, payload }: Frame): void {
    const request = pending.get(id);
    if (request === undefined && abandoned.has(id)) return;
    if (request?.onPiece === undefined) throw protocol('a piece of no streamed answer');
    request.refresh();
    request.onPiece(payload);
  }

  function onReply({ id, kind, payload }: Frame): void {
    if (kind !== linkKind.reply && kind !== linkKind.refusal) throw protocol('an answer of an unknown kind');
    const request = pending.get(id);
    if (request === undefined) {
      if (!abandoned.delete(id)) throw protocol('an answer to no request');
      return;
    }
    // Read while the request is pending: one that cannot be read ends the connection, and the request with it.
    const refusal = kind === linkKind.refusal ? decodeRefusal(payload) : undefined;
    settle(id, request);
    if (refusal !== undefined) {
      request.reject(new WorkerRefusedError(refusal.code, refusal.detail));
      return;
    }
    request.before().then(() => request.resolve(payload), request.reject);
  }

  /** What is to be sent in one turn of the event loop leaves together: under load, a system call less for each request. */
  function write(frame: Frame): void {
    if (!corked) {
      corked = true;
      socket.cork();
      setImmediate(() => {
        corked = false;
        socket.uncork();
      });
    }
    socket.write(encodeFrame(frame));
  }

  function takeId(): number {
    while (nextId === 0 || pending.has(nextId) || abandoned.has(nextId)) nextId = (nextId + 1) % (HIGHEST_ID + 1);
    const id = nextId;
    nextId = (nextId + 1) % (HIGHEST_ID + 1);
    return id;
  }

  function abandon(id: number, error: LinkError): void {
    const request = pending.get(id);
    if (request === undefined) return;
    settle(id, request);
    abandoned.add(id);
    // The worker stops working for nobody; what it has done by then is receipted, and dropped here.
    write({ id, kind: linkKind.abandon, payload: new Uint8Array(0) });
    // A worker that leaves this many unanswered will not come back to the first of them.
    if (abandoned.size > limits.unacknowledgedLeaves) abandoned.delete(abandoned.values().next().value as number);
    request.reject(error);
  }

  const reader = createFrameReader(limits.frameBytes, onFrame);
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      if (error instanceof LinkError) fail(error);
      else if (error instanceof WireError) fail(protocol(error.code, error));
      else throw error;
    }
  });
  socket.on('close', () => fail(new LinkError('worker_lost', 'the connection to the worker ended')));

  const connection: Connection = {
    request: (kind, payload, options) =>
      new Promise((resolve, reject) => {
        // Nothing was sent, which lets another worker do it: whatever fails below this line may have been done.
        if (failure !== undefined) throw new LinkError('worker_unreachable', failure.code, { cause: failure });
        if (options.signal?.aborted === true) throw new LinkError('cancelled', 'nobody waits for the answer');
        if (pending.size >= limits.hostPending) throw new LinkError('busy', `${pending.size} requests are pending`);
        if (socket.writableLength + payload.length > limits.hostBacklogBytes) {
          throw new LinkError('busy', 'the worker reads too slowly');
        }
        const id = takeId();
        const onAbort = (): void => abandon(id, new LinkError('cancelled', 'nobody waits for the answer'));
        const timer = setTimeout(() => {
          abandon(id, new LinkError('worker_timeout', `no answer within ${options.timeoutMs} ms`));
        }, options.timeoutMs);
        options.signal?.addEventListener('abort', onAbort, { once: true });
        pending.set(id, {
          resolve,
          reject,
          before: options.before,
          onPiece: options.onPiece,
          refresh: () => timer.refresh(),
          forget: () => {
            clearTimeout(timer);
            options.signal?.removeEventListener('abort', onAbort);
          },
        });
        write({ id, kind, payload });
      }),
    send: (kind, payload) => {
      if (failure === undefined) write({ id: 0, kind, payload });
    },
    close: fail,
  };

  return connected(socket, connection);
}

function connected(socket: Socket, connection: Connection): Promise<Connection> {
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(connection));
    socket.once('error', (cause) => {
      const error = new LinkError('worker_unreachable', 'nobody listens at the link', { cause });
      // After a connection came about, this only names the reason; `close` follows and fails what is pending.
      connection.close(new LinkError('worker_lost', 'the connection to the worker broke', { cause }));
      reject(error);
    });
  });
}

function protocol(detail: string, cause?: unknown): LinkError {
  return new LinkError('worker_protocol', detail, { cause });
}
