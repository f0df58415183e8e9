import type { Socket } from 'node:net';
import type { Frame } from '../../../wire/codec/frame.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { awaitChild } from './accept.ts';
import { type ChildExit, type Control, modelSocketPath, TOKEN_BYTES } from './control.ts';
import { ModelError } from './errors.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { decodeFailure, encodeLoadOrder, type ModelExecution, modelKind, OUT_OF_MEMORY } from './messages.ts';

/** Bytes of a release that a model process needs, in the order in which it gets them. */
export interface ModelFiles {
  readonly kind: Manifest['kind'];
  readonly entry: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface ProcessOptions {
  readonly id: number;
  readonly control: Control;
  readonly privateDirectory: string;
  readonly execution: ModelExecution;
  readonly memoryBytes: number;
  /** For the start of the process, the way of the bytes to it, and the engine's own loading. */
  readonly loadMilliseconds: number;
}

/** One living model process. After any trouble it is killed and never used again. */
export interface ModelProcess<Info> {
  readonly info: Info;
  readonly alive: boolean;
  /** Resolves when the process has ended and was reaped. */
  readonly exited: Promise<ChildExit>;
  readonly exchange: Exchange;
  /** Never resolves, and rejects with the reason why this process is of no use any more. */
  readonly failure: Promise<never>;
  /** The result of the work, unless the process fails meanwhile; it is killed when the time is over. */
  within<T>(milliseconds: number, work: Promise<T>): Promise<T>;
  /** What the process said, read; one that says nonsense is killed: what it would say next means nothing. */
  read<T>(frame: Frame, kind: number, decode: (payload: Uint8Array) => T): T;
  fail(error: ModelError): void;
  kill(): void;
}

/** Starts a process, gives it its files, and waits until it says what they turned out to be. */
export async function startModelProcess<Info>(
  model: ModelFiles,
  decodeInfo: (payload: Uint8Array) => Info,
  options: ProcessOptions,
): Promise<ModelProcess<Info>> {
  const { id, control, memoryBytes } = options;
  const token = nodeSuite.randomBytes(TOKEN_BYTES);
  const ended = new Promise<ChildExit>((resolve) => control.onExit(id, resolve));
  // Rejects once, with the reason why this process is of no use any more; every wait below races against it.
  let giveUp: (reason: ModelError) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  failure.catch(() => undefined);
  let alive = true;
  let socket: Socket | undefined;

  const fail = (error: ModelError): void => {
    if (!alive) return;
    alive = false;
    control.kill(id);
    socket?.destroy();
    giveUp(error);
  };
  const within = async <T>(milliseconds: number, work: Promise<T>): Promise<T> => {
    const late = (): void => fail(new ModelError('model_timeout', `no answer within ${milliseconds} ms`));
    const timer = setTimeout(late, milliseconds);
    try {
      return await Promise.race([work, failure]);
    } finally {
      clearTimeout(timer);
    }
  };

  async function load(): Promise<{ readonly info: Info; readonly exchange: Exchange }> {
    const arrival = await awaitChild(modelSocketPath(options.privateDirectory, id), token);
    failure.catch(arrival.cancel);
    control.start(id, { token, memoryBytes });
    socket = await arrival.socket;
    // How it ended comes from the launcher, which saw the exit; here it is only made sure that it does end.
    socket.on('close', () => control.kill(id));
    const exchange = openExchange(socket, (error) => fail(violation(error)));
    const reply = exchange.expect(0);
    const { optimisation, threads } = options.execution;
    const { kind, entry } = model;
    const files = [...model.files].map(([path, { length }]) => ({ path, size: length }));
    const order = encodeLoadOrder({ optimisation, threads, kind, entry, files });
    await exchange.send({ id: 0, kind: modelKind.load, payload: order });
    for (const bytes of model.files.values()) await sendFile(exchange, bytes);
    return { info: read(await reply, modelKind.loaded, decodeInfo), exchange };
  }

  function read<T>({ kind, payload }: Frame, expected: number, decode: (payload: Uint8Array) => T): T {
    try {
      if (kind === expected) return decode(payload);
      if (kind !== modelKind.failed) throw new WireError('frame_invalid', `a frame of kind ${kind}`);
      const { code, detail } = decodeFailure(payload);
      throw new ModelError(code, detail);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      fail(violation(error));
      throw violation(error);
    }
  }

  const exited = ended.then((exit) => {
    fail(new ModelError('model_crashed', describeExit(exit)));
    return exit;
  });

  try {
    const { info, exchange } = await within(options.loadMilliseconds, load());
    return {
      ...{ info, exited, exchange, failure, within, read, fail },
      get alive() {
        return alive;
      },
      kill: () => fail(new ModelError('model_unloaded', 'the model was unloaded')),
    };
  } catch (error) {
    // Also where the process itself is well and refused the model: it serves nothing else.
    fail(new ModelError('model_unloaded', 'the model was not loaded'));
    throw error;
  }
}

async function sendFile(exchange: Exchange, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += limits.fileChunkBytes) {
    const payload = bytes.subarray(offset, offset + limits.fileChunkBytes);
    await exchange.send({ id: 0, kind: modelKind.piece, payload });
  }
}

function violation(error: WireError): ModelError {
  return new ModelError('model_failed', `the process broke the protocol: ${error.message}`);
}

function describeExit({ code, signal, overMemory }: ChildExit): string {
  if (overMemory || code === OUT_OF_MEMORY) return 'the model used more memory than it may';
  return signal === null ? `the model process ended with code ${code}` : `the model process ended by ${signal}`;
}
