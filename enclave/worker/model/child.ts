import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeInferRequest, encodeInferResponse } from '../../../wire/message/tensor.ts';
import { modelFilter } from '../confine/filters.ts';
import { assembleFilter } from '../confine/seccomp.ts';
import { confineModel } from '../native.ts';
import { type Engine, loadEngine, openEngine } from './engine.ts';
import { ModelError } from './errors.ts';
import {
  decodeLoadOrder,
  decodeModelBody,
  encodeFailure,
  encodeLanguageInfo,
  encodeLoadedInfo,
  encodeModelBody,
  type LoadOrder,
  type ModelFailure,
  modelKind,
  OUT_OF_MEMORY,
} from './messages.ts';

/**
 * The model role: one process for one model, with one descriptor, which ends when that closes. It holds no key, and
 * nothing that it says is believed beyond being an answer to what it was asked (DESIGN sections 1 and 7). It loads the
 * engine, gives up every right that computing does not need, and only then reads the first byte of a model.
 */
export async function runModelChild(options: { readonly fd: number; readonly memoryBytes: number }): Promise<void> {
  await openEngine();
  // Made before, because making it asks the kernel what the descriptor is; nothing is read before the next turn.
  const socket = new Socket({ fd: options.fd, readable: true, writable: true });
  giveUpRights(options.memoryBytes);
  serve(socket);
}

/**
 * The kernel bounds what a model takes by RLIMIT_DATA: memory that is written and shared with nobody, counted when it is
 * asked for, so that an allocation fails before it costs anything. The filter leaves no other kind to take. What Node and
 * the engine hold by now is not the model's and comes on top: about 150 MB asked for, of which a third is ever used.
 */
function giveUpRights(memoryBytes: number): void {
  const status = readFileSync('/proc/self/status', 'latin1');
  confineModel({
    dataBytes: sizeIn(status, 'VmData') + memoryBytes,
    addressSpaceBytes: sizeIn(status, 'VmSize') + memoryBytes + RESERVED_BYTES,
    filter: assembleFilter(modelFilter(process.pid)),
  });
}

/**
 * Address space that is reserved and not used is not data, and costs page tables only where it is touched. Allocators
 * reserve 64 MiB for each thread; beyond this, someone fills page tables.
 */
const RESERVED_BYTES = 4_294_967_296;

function sizeIn(status: string, field: 'VmData' | 'VmSize'): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new ModelError('model_crashed', `the kernel does not say ${field}`);
  return Number(kibibytes) * 1_024;
}

function serve(socket: Socket): void {
  const leave = (): void => {
    process.exit(0);
  };
  socket.on('end', leave);
  socket.on('error', leave);
  socket.on('close', leave);

  let corked = false;
  const handle = createHandler((frame) => {
    // What is said in one turn goes out in one call, as on the worker's link.
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(() => {
        corked = false;
        socket.uncork();
      });
    }
    socket.write(encodeFrame(frame));
  });
  // One after the other: pieces of a file must stay in order, and the engine computes one request at a time.
  let last: Promise<void> = Promise.resolve();
  const reader = createFrameReader(limits.frameBytes, (frame) => {
    last = last
      .then(() => handle(frame))
      .catch((error: unknown) => process.exit(error instanceof RangeError ? OUT_OF_MEMORY : 1));
  });
  socket.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch {
      process.exit(1);
    }
  });
}

/** What a model does with frames once it is loaded. What it throws is a broken protocol. */
type Serving = (frame: Frame) => Promise<void>;

interface Incoming {
  readonly order: LoadOrder;
  readonly files: Map<string, Uint8Array>;
  place: number;
  received: number;
}

function createHandler(send: (frame: Frame) => void): Serving {
  let incoming: Incoming | undefined;
  let serving: Serving | undefined;

  async function load({ order, files }: Incoming, id: number): Promise<void> {
    try {
      const loaded =
        order.kind === 'tensor' ? await loadTensors(files, order, send) : await loadLanguage(files, order, send);
      serving = loaded.serving;
      send({ id, kind: modelKind.loaded, payload: loaded.info });
    } catch (error) {
      send(failed(id, error, 'model_refused'));
    }
  }

  return async (frame) => {
    const { id, kind, payload } = frame;
    if (kind === modelKind.load && serving === undefined && incoming === undefined) {
      const order = decodeLoadOrder(payload);
      const files = new Map(order.files.map(({ path, size }) => [path, new Uint8Array(size)]));
      if (files.size !== order.files.length) throw new WireError('frame_invalid', 'a file is announced twice');
      incoming = { order, files, place: 0, received: 0 };
    } else if (kind === modelKind.piece && incoming !== undefined) {
      if (!take(incoming, payload)) return;
      const complete = incoming;
      incoming = undefined;
      await load(complete, id);
    } else if (serving !== undefined) {
      await serving(frame);
    } else {
      throw new WireError('frame_invalid', `no frame of kind ${kind} now`);
    }
  };
}

/** Adds a piece to the file whose turn it is; true with the last of the last. */
function take(incoming: Incoming, piece: Uint8Array): boolean {
  const { order, files } = incoming;
  const file = files.get(order.files[incoming.place]?.path ?? '');
  if (file === undefined || piece.length === 0 || piece.length > file.length - incoming.received) {
    throw new WireError('frame_invalid', 'a piece does not fit into the announced file');
  }
  file.set(piece, incoming.received);
  incoming.received += piece.length;
  if (incoming.received < file.length) return false;
  incoming.place += 1;
  incoming.received = 0;
  return incoming.place === order.files.length;
}

interface Loaded {
  readonly info: Uint8Array;
  readonly serving: Serving;
}

async function loadTensors(
  files: ReadonlyMap<string, Uint8Array>,
  order: LoadOrder,
  send: (frame: Frame) => void,
): Promise<Loaded> {
  const engine = await loadEngine(files.get(order.entry) ?? new Uint8Array(0), order);
  return {
    info: encodeLoadedInfo(engine.info),
    serving: async ({ id, kind, payload }) => {
      if (kind !== modelKind.run) throw new WireError('frame_invalid', `no frame of kind ${kind} now`);
      send(await run(engine, id, payload));
    },
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
    leaveWhereMemoryFailed(error);
    return failed(id, error, 'model_failed');
  }
}

async function loadLanguage(
  files: ReadonlyMap<string, Uint8Array>,
  order: LoadOrder,
  send: (frame: Frame) => void,
): Promise<Loaded> {
  const { openLanguage } = await import('./language/serve.ts');
  const { info, take } = await openLanguage(files, order, {
    send,
    failed: (id, error) => {
      leaveWhereMemoryFailed(error);
      send(failed(id, error, 'model_failed'));
    },
  });
  return { info: encodeLanguageInfo(info), serving: async (frame) => take(frame) };
}

/** The engine's arena remembers the size that it did not get, and then refuses small requests: a new process forgets it. */
function leaveWhereMemoryFailed(error: unknown): void {
  if (error instanceof Error && ALLOCATION_FAILED.test(error.message)) process.exit(OUT_OF_MEMORY);
}

/** As the engine and the C++ library under it say it; an answer that is missed costs later requests, not safety. */
const ALLOCATION_FAILED = /bad_alloc|failed to allocate|out of memory/i;

function failed(id: number, error: unknown, otherwise: 'model_refused' | 'model_failed'): Frame {
  const detail = error instanceof Error ? error.message : 'unknown';
  return { id, kind: modelKind.failed, payload: encodeFailure(failureCode(error, otherwise), detail) };
}

function failureCode(error: unknown, otherwise: 'model_refused' | 'model_failed'): ModelFailure['code'] {
  if (otherwise === 'model_refused') return otherwise;
  if (error instanceof ModelError && error.code === 'model_input') return error.code;
  const large =
    (error instanceof ModelError && error.code === 'model_output_too_large') ||
    (error instanceof WireError && error.code === 'too_large');
  return large ? 'model_output_too_large' : otherwise;
}
