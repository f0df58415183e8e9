import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ChildExit,
  type Control,
  modelSocketPath,
  type StartOrder,
} from '../../../../enclave/worker/model/control.ts';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import {
  encodeFailure,
  encodeLoadedInfo,
  encodeModelBody,
  modelKind,
} from '../../../../enclave/worker/model/messages.ts';
import { createModelPool } from '../../../../enclave/worker/model/pool.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { u32 } from '../../../../wire/bytes.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../../../wire/codec/frame.ts';
import { limits } from '../../../../wire/limits.ts';
import { encodeInferResponse, type Tensor } from '../../../../wire/message/tensor.ts';
import { floats, type SimpleModel, simple, until } from './harness.ts';
import { model } from './models.ts';

/** What a model process of the test says to a frame: bytes as they go out. */
type Behaviour = (frame: Frame, socket: Socket) => void;

let directory: string;
let sockets: Socket[];
let killed: number[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-process-'));
  sockets = [];
  killed = [];
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  rmSync(directory, { recursive: true, force: true });
});

/** A launcher whose model processes are functions of this test: nothing that a real one refuses is refused here. */
function hostileControl(behave: Behaviour, arrive?: (order: StartOrder, path: string) => Uint8Array): Control {
  const listeners = new Map<number, (exit: ChildExit) => void>();
  return {
    start(id, order) {
      const path = modelSocketPath(directory, id);
      const greeting = arrive?.(order, path) ?? order.token;
      const socket = connect(path, () => socket.write(greeting));
      sockets.push(socket);
      socket.on('error', () => socket.destroy());
      const reader = createFrameReader(limits.frameBytes, (frame) => behave(frame, socket));
      socket.on('data', (chunk: Uint8Array) => reader.push(chunk));
    },
    kill(id) {
      killed.push(id);
      const listener = listeners.get(id);
      listeners.delete(id);
      setImmediate(() => listener?.({ code: null, signal: 'SIGKILL', overMemory: false }));
    },
    onExit: (id, listener) => {
      listeners.set(id, listener);
    },
  };
}

const y = { name: 'y', datatype: 'FP32', shape: ['n', 'n'] } as const;
const info = encodeLoadedInfo({ engine: runtime, inputs: [{ ...y, name: 'x' }], outputs: [y] });
const x = floats('x', [2, 2], Number);

function reply(socket: Socket, id: number, kind: number, payload: Uint8Array): void {
  socket.write(encodeFrame({ id, kind, payload }));
}

function outputs(...tensors: Tensor[]): Uint8Array {
  return encodeModelBody(
    encodeInferResponse({ modelName: 'm', modelVersion: '1', id: null, outputs: tensors }, 'binary'),
  );
}

const loading = (control: Control): Promise<SimpleModel> =>
  createModelPool({
    control,
    onRun: () => undefined,
    privateDirectory: directory,
    execution: runtime,
    limits: { memoryBytes: 1024 ** 3, loadMilliseconds: 2_000 },
  })
    .load({ modelId: new Uint8Array(32), bytes: model({}), batchRows: 1 })
    .then(simple);

/** A process that loads as it should and answers a run as the test says. */
const running = (answer: Behaviour): Promise<SimpleModel> =>
  loading(
    hostileControl((frame, socket) => {
      if (frame.kind === modelKind.piece) reply(socket, 0, modelKind.loaded, info);
      if (frame.kind === modelKind.run) answer(frame, socket);
    }),
  );

async function refusal(work: Promise<unknown>): Promise<ModelError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ModelError) return error;
  throw new Error('no ModelError', { cause: error });
}

describe('what arrives at the socket of a new process', () => {
  it('is taken for the process only with the token', async () => {
    const strangers: Socket[] = [];
    const control = hostileControl(
      (frame, socket) => {
        if (frame.kind === modelKind.piece) reply(socket, 0, modelKind.loaded, info);
      },
      (order, path) => {
        const stranger = connect(path, () => stranger.write(Uint8Array.from(order.token, (byte) => byte ^ 1)));
        stranger.on('error', () => stranger.destroy());
        strangers.push(stranger);
        sockets.push(stranger);
        return order.token;
      },
    );
    const loaded = await loading(control);
    expect(loaded.outputs).toEqual([y]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(strangers.map(({ destroyed, bytesRead }) => [destroyed, bytesRead])).toEqual([[true, 0]]);
  });

  it('is given up where nobody brings the token', async () => {
    const control = hostileControl(
      () => undefined,
      ({ token }) => new Uint8Array(token.length),
    );
    expect((await refusal(loading(control))).code).toBe('model_timeout');
    expect(killed).toContain(1);
  });
});

describe('a process that does not speak the protocol while it loads', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['a frame larger than allowed', (socket) => void socket.write(u32(0xffffffff))],
    ['an answer to another request', (socket) => reply(socket, 7, modelKind.loaded, info)],
    ['an unknown kind', (socket) => reply(socket, 0, 0x99, info)],
    ['facts that are none', (socket) => reply(socket, 0, modelKind.loaded, Uint8Array.of(0xa0))],
    ['a failure that is none', (socket) => reply(socket, 0, modelKind.failed, Uint8Array.of(0xff))],
  ])('is killed: %s', async (_, speak) => {
    const control = hostileControl((frame, socket) => {
      if (frame.kind === modelKind.piece) speak(socket);
    });
    const error = await refusal(loading(control));
    expect(error.code).toBe('model_failed');
    expect(error.message).toContain('broke the protocol');
    expect(killed).toContain(1);
  });

  it('is killed when it hangs up', async () => {
    const control = hostileControl((_, socket) => socket.destroy());
    expect((await refusal(loading(control))).code).toBe('model_crashed');
    expect(killed).toContain(1);
  });

  it('is killed after it refused the model', async () => {
    const control = hostileControl((frame, socket) => {
      if (frame.kind === modelKind.piece)
        reply(socket, 0, modelKind.failed, encodeFailure('model_refused', 'no\u0000'));
    });
    expect(await refusal(loading(control))).toMatchObject({ code: 'model_refused', message: 'no ' });
    expect(killed).toContain(1);
  });
});

describe('a process that answers a run with something else', () => {
  const good = outputs({ ...x, name: 'y' });
  it.each<[string, Behaviour]>([
    ['the answer of an earlier request', ({ id }, socket) => reply(socket, id - 1, modelKind.outputs, good)],
    ['a body that is none', ({ id }, socket) => reply(socket, id, modelKind.outputs, Uint8Array.of(1, 2))],
    ['a JSON part beyond the body', ({ id }, socket) => reply(socket, id, modelKind.outputs, u32(9))],
    ['facts', ({ id }, socket) => reply(socket, id, modelKind.loaded, info)],
  ])('is killed and replaced: %s', async (_, answer) => {
    let first = true;
    const loaded = await running((frame, socket) => {
      if (first) answer(frame, socket);
      else reply(socket, frame.id, modelKind.outputs, good);
      first = false;
    });
    expect((await refusal(loaded.run([x], 'all', { deadlineMs: 2_000 }))).code).toBe('model_failed');
    expect(killed).toContain(1);
    expect(await loaded.run([x], 'all', { deadlineMs: 2_000 })).toHaveLength(1);
  });

  it.each<[string, Tensor[]]>([
    ['no output', []],
    ['another output', [x]],
    ['two outputs', [{ ...x, name: 'y' }, x]],
    ['another datatype', [{ ...x, name: 'y', datatype: 'INT32' }]],
    ['another rank', [{ ...floats('y', [4], Number) }]],
  ])('is not believed: %s', async (_, tensors) => {
    const loaded = await running((frame, socket) => reply(socket, frame.id, modelKind.outputs, outputs(...tensors)));
    expect((await refusal(loaded.run([x], 'all', { deadlineMs: 2_000 }))).code).toBe('model_failed');
  });

  it('is killed when it answers twice', async () => {
    const loaded = await running(({ id }, socket) => {
      reply(socket, id, modelKind.outputs, good);
      reply(socket, id, modelKind.outputs, good);
    });
    // Whether the first answer counts depends on how the two arrive; the process is done with in any case.
    await loaded.run([x], 'all', { deadlineMs: 2_000 }).catch(() => undefined);
    await until(() => killed.includes(1));
  });

  it('cannot make more of a failure than the codes say', async () => {
    const loaded = await running(({ id }, socket) =>
      reply(socket, id, modelKind.failed, encodeFailure('model_output_too_large', 'x'.repeat(10_000))),
    );
    const error = await refusal(loaded.run([x], 'all', { deadlineMs: 2_000 }));
    expect(error.code).toBe('model_output_too_large');
    expect(error.message.length).toBe(512);
  });
});
