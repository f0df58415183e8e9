import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeInferRequest, encodeInferResponse } from '../../../wire/message/tensor.ts';
import { type Engine, loadEngine } from './engine.ts';
import { ModelError } from './errors.ts';
import {
  decodeLoadOrder,
  decodeModelBody,
  encodeFailure,
  encodeLoadedInfo,
  encodeModelBody,
  type LoadOrder,
  modelKind,
} from './messages.ts';

/**
 * The model role: one process for one model, with one descriptor, which ends when that closes. It holds no key, and
 * nothing that it says is believed beyond being an answer to what it was asked (DESIGN sections 1 and 7).
 */
export function runModelChild(options: { readonly fd: number; readonly parent: number }): void {
  endWithParent(options.parent);
  const socket = new Socket({ fd: options.fd, readable: true, writable: true });
  const leave = (): void => {
    process.exit(0);
  };
  socket.on('end', leave);
  socket.on('error', leave);
  socket.on('close', leave);

  const handle = createHandler();
  // One after the other: pieces of a file must stay in order, and the engine computes one request at a time.
  let last: Promise<void> = Promise.resolve();
  const reader = createFrameReader(limits.frameBytes, (frame) => {
    last = last
      .then(() => handle(frame))
      .then((reply) => {
        if (reply !== undefined) socket.write(encodeFrame(reply));
      })
      .catch(() => process.exit(1));
  });
  socket.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch {
      process.exit(1);
    }
  });
}

/**
 * A run blocks this thread, so that an endless one would not notice that its descriptor closed. Should the launcher be
 * killed, a second thread sees that this process has another parent and ends it.
 */
function endWithParent(parent: number): void {
  const watch = `
    const { workerData } = require('node:worker_threads');
    setInterval(() => { if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL'); }, 250);
  `;
  new Worker(watch, { eval: true, workerData: parent, resourceLimits: { maxOldGenerationSizeMb: 16 } }).unref();
}

interface Incoming {
  readonly order: LoadOrder;
  readonly bytes: Uint8Array;
  received: number;
}

/** Answers one frame, or takes a piece of the file without an answer. What it throws is a broken protocol. */
function createHandler(): (frame: Frame) => Promise<Frame | undefined> {
  let incoming: Incoming | undefined;
  let engine: Engine | undefined;

  async function load(file: Incoming, id: number): Promise<Frame> {
    try {
      engine = await loadEngine(file.bytes, file.order);
      return { id, kind: modelKind.loaded, payload: encodeLoadedInfo(engine.info) };
    } catch (error) {
      return failed(id, error, 'model_refused');
    }
  }

  return async ({ id, kind, payload }) => {
    if (kind === modelKind.load && engine === undefined && incoming === undefined) {
      const order = decodeLoadOrder(payload);
      incoming = { order, bytes: new Uint8Array(order.size), received: 0 };
      return undefined;
    }
    if (kind === modelKind.piece && incoming !== undefined) {
      const file = incoming;
      if (payload.length === 0 || payload.length > file.bytes.length - file.received) {
        throw new WireError('frame_invalid', 'a piece does not fit into the announced file');
      }
      file.bytes.set(payload, file.received);
      file.received += payload.length;
      if (file.received < file.bytes.length) return undefined;
      incoming = undefined;
      return load(file, id);
    }
    if (kind === modelKind.run && engine !== undefined) return run(engine, id, payload);
    throw new WireError('frame_invalid', `no frame of kind ${kind} now`);
  };
}

async function run(engine: Engine, id: number, payload: Uint8Array): Promise<Frame> {
  const request = decodeInferRequest(decodeModelBody(payload), 'binary');
  try {
    const outputs = await engine.run(request.inputs, request.outputs);
    const size = outputs.reduce((sum, tensor) => sum + tensor.data.length, 0);
    if (size > limits.bodyBytes) throw new ModelError('model_output_too_large', `the outputs have ${size} bytes`);
    const response = encodeInferResponse({ modelName: 'model', modelVersion: '1', id: null, outputs }, 'binary');
    return { id, kind: modelKind.outputs, payload: encodeModelBody(response) };
  } catch (error) {
    return failed(id, error, 'model_failed');
  }
}

function failed(id: number, error: unknown, otherwise: 'model_refused' | 'model_failed'): Frame {
  const detail = error instanceof Error ? error.message : 'unknown';
  const large =
    (error instanceof ModelError && error.code === 'model_output_too_large') ||
    (error instanceof WireError && error.code === 'too_large');
  const code = large && otherwise === 'model_failed' ? 'model_output_too_large' : otherwise;
  return { id, kind: modelKind.failed, payload: encodeFailure(code, detail) };
}
