import type { Socket } from 'node:net';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeInferResponse, encodeInferRequest, type Tensor } from '../../../wire/message/tensor.ts';
import { awaitChild } from './accept.ts';
import { type ChildExit, type Control, modelSocketPath, TOKEN_BYTES } from './control.ts';
import { ModelError } from './errors.ts';
import {
  decodeFailure,
  decodeLoadedInfo,
  decodeModelBody,
  encodeLoadOrder,
  encodeModelBody,
  type LoadedInfo,
  type ModelExecution,
  modelKind,
  OUT_OF_MEMORY,
} from './messages.ts';

/** One living model process. It takes one request at a time; after any trouble it is killed and never used again. */
export interface ModelProcess {
  readonly info: LoadedInfo;
  readonly alive: boolean;
  /** Resolves when the process has ended and was reaped. */
  readonly exited: Promise<ChildExit>;
  run(inputs: readonly Tensor[], outputs: readonly string[], deadlineMs: number): Promise<readonly Tensor[]>;
  kill(): void;
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

export async function startModelProcess(bytes: Uint8Array, options: ProcessOptions): Promise<ModelProcess> {
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
  let nextRequest = 1;

  const fail = (error: ModelError): void => {
    if (!alive) return;
    alive = false;
    control.kill(id);
    socket?.destroy();
    giveUp(error);
  };
  const before = async <T>(milliseconds: number, work: Promise<T>): Promise<T> => {
    const late = (): void => fail(new ModelError('model_timeout', `no answer within ${milliseconds} ms`));
    const timer = setTimeout(late, milliseconds);
    try {
      return await Promise.race([work, failure]);
    } finally {
      clearTimeout(timer);
    }
  };

  async function load(): Promise<{ readonly info: LoadedInfo; readonly exchange: Exchange }> {
    const arrival = await awaitChild(modelSocketPath(options.privateDirectory, id), token);
    failure.catch(arrival.cancel);
    control.start(id, { token, memoryBytes });
    socket = await arrival.socket;
    // How it ended comes from the launcher, which saw the exit; here it is only made sure that it does end.
    socket.on('close', () => control.kill(id));
    const exchange = openExchange(socket, (error) => fail(violation(error)));
    const reply = exchange.expect(0);
    const { optimisation, threads } = options.execution;
    const order = encodeLoadOrder({ optimisation, threads, size: bytes.length });
    await exchange.send({ id: 0, kind: modelKind.load, payload: order });
    for (let offset = 0; offset < bytes.length; offset += limits.fileChunkBytes) {
      const payload = bytes.subarray(offset, offset + limits.fileChunkBytes);
      await exchange.send({ id: 0, kind: modelKind.piece, payload });
    }
    const loaded = await reply;
    return { info: parse(() => decodeLoadedInfo(payloadOf(loaded, modelKind.loaded))), exchange };
  }

  /** A process that answers nonsense is killed: what it would say next means nothing. */
  function parse<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      fail(violation(error));
      throw violation(error);
    }
  }

  function payloadOf({ kind, payload }: Frame, expected: number): Uint8Array {
    if (kind === expected) return payload;
    if (kind !== modelKind.failed) throw new WireError('frame_invalid', `a frame of kind ${kind}`);
    const { code, detail } = decodeFailure(payload);
    throw new ModelError(code, detail);
  }

  const exited = ended.then((exit) => {
    fail(new ModelError('model_crashed', describeExit(exit)));
    return exit;
  });

  try {
    const { info, exchange } = await before(options.loadMilliseconds, load());
    return {
      info,
      exited,
      get alive() {
        return alive;
      },
      async run(inputs, outputs, deadlineMs) {
        const request = nextRequest++;
        const body = encodeModelBody(encodeInferRequest({ id: null, inputs, outputs }, 'binary'));
        const answer = exchange.expect(request);
        const sent = exchange.send({ id: request, kind: modelKind.run, payload: body });
        const [reply] = await before(deadlineMs, Promise.all([answer, sent]));
        return parse(() => decodeInferResponse(decodeModelBody(payloadOf(reply, modelKind.outputs)), 'binary').outputs);
      },
      kill: () => fail(new ModelError('model_unloaded', 'the model was unloaded')),
    };
  } catch (error) {
    // Also where the process itself is well and refused the model: it serves nothing else.
    fail(new ModelError('model_unloaded', 'the model was not loaded'));
    throw error;
  }
}

interface Exchange {
  /** The one answer to request `id`; every other frame breaks the protocol. */
  expect(id: number): Promise<Frame>;
  /** Resolves when the process has room for more. */
  send(frame: Frame): Promise<void>;
}

function openExchange(socket: Socket, onViolation: (error: WireError) => void): Exchange {
  let expected: { readonly id: number; readonly resolve: (frame: Frame) => void } | undefined;
  const reader = createFrameReader(limits.frameBytes, (frame) => {
    if (expected?.id !== frame.id) throw new WireError('frame_invalid', 'an answer that nobody asked for');
    const { resolve } = expected;
    expected = undefined;
    resolve(frame);
  });
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      onViolation(error);
    }
  });
  return {
    expect: (id) =>
      new Promise((resolve) => {
        expected = { id, resolve };
      }),
    send: async (frame) => {
      // Where the process is gone there is no more room, and the wait ends by the failure that it races against.
      if (!socket.write(encodeFrame(frame))) await new Promise((resolve) => socket.once('drain', resolve));
    },
  };
}

function violation(error: WireError): ModelError {
  return new ModelError('model_failed', `the process broke the protocol: ${error.message}`);
}

function describeExit({ code, signal, overMemory }: ChildExit): string {
  if (overMemory || code === OUT_OF_MEMORY) return 'the model used more memory than it may';
  return signal === null ? `the model process ended with code ${code}` : `the model process ended by ${signal}`;
}
