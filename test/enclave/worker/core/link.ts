import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorker } from '../../../../enclave/worker/worker.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../../../wire/codec/frame.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { limits } from '../../../../wire/limits.ts';
import { decodeIdentity, logPreimage } from '../../../../wire/message/identity.ts';
import {
  decodeForSession,
  decodeReadyInfo,
  decodeRefusal,
  encodeFilePiece,
  encodeForSession,
  encodeRelease,
  linkKind,
} from '../../../../wire/message/link.ts';
import { proofmarkPrologue, startHandshake, type Transport } from '../../../../wire/noise/index.ts';
import {
  type ConfigurationChanges,
  configurationBytes,
  createFakeAttester,
  createFakePool,
  type FakeAttester,
  type FakePool,
  release,
  type TestRelease,
} from './harness.ts';

/** The worker's core on a real socket, with a device and models that do what a test says. */
export interface Core {
  readonly path: string;
  readonly attester: FakeAttester;
  readonly pool: FakePool;
  readonly fatal: unknown[];
}

const folder = mkdtempSync(join(tmpdir(), 'pm-core-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
let cores = 0;

export async function startCore(): Promise<Core> {
  const core: Core = {
    path: join(folder, `${cores++}.sock`),
    attester: createFakeAttester(),
    pool: createFakePool(),
    fatal: [],
  };
  await startWorker({
    attester: core.attester,
    linkPath: core.path,
    createPool(_, onRun) {
      core.pool.onRun = onRun;
      return core.pool;
    },
    onFatal: (error) => core.fatal.push(error),
  });
  return core;
}

/** A host that obeys nobody: it sends what it is told, and keeps every frame in its order. */
export interface TestLink {
  readonly socket: Socket;
  readonly frames: Frame[];
  readonly closed: Promise<void>;
  /** The reply's payload; a refusal is thrown, as `code`. */
  ask(kind: number, payload: Uint8Array): Promise<Uint8Array>;
  /** The same, with what came in pieces before it, and with the number that the request has on this link. */
  stream(kind: number, payload: Uint8Array): Streaming;
  send(frame: Frame): void;
  /** The first frame of this kind, now or later. */
  first(kind: number): Promise<Frame>;
}

export interface Streaming {
  readonly id: number;
  readonly reply: Promise<Uint8Array>;
  pieces(): readonly Uint8Array[];
}

class RefusedError extends Error {
  readonly code: string;

  constructor(code: string, detail: string) {
    super(detail);
    this.name = 'RefusedError';
    this.code = code;
  }
}

const links: Socket[] = [];

/** For `afterEach`. */
export function closeLinks(): void {
  for (const socket of links.splice(0)) socket.destroy();
}

export async function openLink({ path }: Pick<Core, 'path'>): Promise<TestLink> {
  const socket = connect(path);
  links.push(socket);
  const frames: Frame[] = [];
  let listeners: ((frame: Frame) => boolean)[] = [];
  let next = 1;
  const reader = createFrameReader(limits.frameBytes, (frame) => {
    frames.push(frame);
    listeners = listeners.filter((listener) => !listener(frame));
  });
  socket.on('data', (chunk: Uint8Array) => reader.push(chunk));
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  await new Promise<void>((resolve) => {
    socket.on('connect', resolve);
  });

  const send = (frame: Frame): void => {
    socket.write(encodeFrame(frame));
  };
  const matching = (wanted: (frame: Frame) => boolean): Promise<Frame> =>
    new Promise((resolve, reject) => {
      const known = frames.find(wanted);
      if (known !== undefined) return resolve(known);
      void closed.then(() => reject(new TypeError('the link closed')));
      listeners.push((frame) => {
        if (wanted(frame)) resolve(frame);
        return wanted(frame);
      });
    });
  return {
    socket,
    frames,
    closed,
    send,
    first: (kind) => matching((frame) => frame.kind === kind),
    ask: (kind, payload) => stream(kind, payload).reply,
    stream,
  };

  function stream(kind: number, payload: Uint8Array): Streaming {
    const id = next++;
    send({ id, kind, payload });
    const reply = matching((frame) => frame.id === id && frame.kind !== linkKind.piece).then((reply) => {
      if (reply.kind === linkKind.reply) return reply.payload;
      const { code, detail } = decodeRefusal(reply.payload);
      throw new RefusedError(code, detail);
    });
    // A test may end before its requests do.
    reply.catch(() => undefined);
    return {
      id,
      reply,
      pieces: () =>
        frames.filter((frame) => frame.id === id && frame.kind === linkKind.piece).map((one) => one.payload),
    };
  }
}

export async function pushRelease(link: TestLink, { signed, modelId, files }: TestRelease): Promise<Uint8Array> {
  let last = await link.ask(linkKind.release, encodeRelease(signed));
  for (const [file, bytes] of files.entries()) {
    last = await link.ask(linkKind.file, encodeFilePiece({ modelId, file, bytes }));
  }
  return last;
}

export interface Served extends Core {
  readonly link: TestLink;
  readonly demo: TestRelease;
}

/** A worker that is configured and has one model. */
export async function serve(changes: ConfigurationChanges = {}): Promise<Served> {
  const core = await startCore();
  const link = await openLink(core);
  await link.ask(linkKind.configure, configurationBytes(changes));
  const demo = release();
  await pushRelease(link, demo);
  return { ...core, link, demo };
}

export interface TestSession {
  readonly sessionId: Uint8Array;
  readonly transport: Transport;
}

/** A session with a worker that nobody has proven. */
export async function openSession(link: TestLink, configured: Uint8Array): Promise<TestSession> {
  const { identity } = decodeReadyInfo(configured);
  const started = await startHandshake(nodeSuite, {
    prologue: proofmarkPrologue(sha256(logPreimage(identity))),
    remoteStatic: decodeIdentity(identity).sealKey,
  });
  const { sessionId, rest } = decodeForSession(await link.ask(linkKind.handshake, started.message1));
  return { sessionId, transport: await started.finish(rest) };
}

export function sealedFrame({ sessionId }: TestSession, record: Uint8Array): Uint8Array {
  return encodeForSession(sessionId, record);
}
