import { Socket } from 'node:net';
import { join } from 'node:path';
import { decodeCbor, encodeCbor, strictCbor } from '../../../wire/codec/cbor.ts';
import { boolean, bytes, integer, nullable, object, type Reader, text } from '../../../wire/codec/fields.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { WireError } from '../../../wire/errors.ts';

/**
 * What the worker asks of the launcher, over a pipe that only these two hold (DESIGN section 7): the worker has no
 * privilege to start or stop processes itself. The set is closed: start a model process, kill it, and hear how it ended.
 * Frames carry the child's number, chosen by the worker and never used twice.
 */
export const controlKind = { start: 0x01, kill: 0x02, exited: 0x81 } as const;

export const TOKEN_BYTES = 32;
export const CONTROL_FRAME_BYTES = 1_024;

export interface StartOrder {
  /**
   * The launcher writes it first on the connection that becomes the child's. Another model process that finds the
   * socket's path cannot pose as the new one.
   */
  readonly token: Uint8Array;
  readonly memoryBytes: number;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The launcher killed it for using more memory than its order allowed. */
  readonly overMemory: boolean;
}

/** Where the worker waits for child `id`, inside a directory that only this sandbox sees. */
export function modelSocketPath(privateDirectory: string, id: number): string {
  return join(privateDirectory, `model-${id}.sock`);
}

const startOrder: Reader<StartOrder> = object<StartOrder>({
  token: bytes(TOKEN_BYTES),
  memoryBytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

const childExit: Reader<ChildExit> = object<ChildExit>({
  code: nullable(integer({ min: 0, max: 255 })),
  signal: nullable(text({ min: 1, max: 16 })),
  overMemory: boolean(),
});

export function encodeStartOrder({ token, memoryBytes }: StartOrder): Uint8Array {
  return encodeCbor(
    new Map<string, Uint8Array | number>([
      ['token', token],
      ['memoryBytes', memoryBytes],
    ]),
  );
}

export function decodeStartOrder(payload: Uint8Array): StartOrder {
  return startOrder(decodeCbor(payload, strictCbor(CONTROL_FRAME_BYTES)), 'start');
}

export function encodeChildExit(exit: ChildExit): Uint8Array {
  return encodeCbor(new Map(Object.entries(exit) as [string, string | number | boolean | null][]));
}

export function decodeChildExit(payload: Uint8Array): ChildExit {
  return childExit(decodeCbor(payload, strictCbor(CONTROL_FRAME_BYTES)), 'exited');
}

/** The worker's end of the pipe. */
export interface Control {
  start(id: number, order: StartOrder): void;
  /** Harmless for a child that is gone already. */
  kill(id: number): void;
  /** Called once, when child `id` has ended and was reaped. */
  onExit(id: number, listener: (exit: ChildExit) => void): void;
}

/** `onLost` is called when the launcher is gone or makes no sense: nothing can be killed any more, so the worker must end. */
export function openControl(fd: number, onLost: () => void): Control {
  const socket = new Socket({ fd, readable: true, writable: true });
  const listeners = new Map<number, (exit: ChildExit) => void>();
  const reader = createFrameReader(CONTROL_FRAME_BYTES, ({ id, kind, payload }) => {
    const listener = listeners.get(id);
    if (kind !== controlKind.exited || listener === undefined) {
      throw new WireError('frame_invalid', 'the launcher reported a child that was not started');
    }
    listeners.delete(id);
    listener(decodeChildExit(payload));
  });
  socket.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());
  socket.on('close', onLost);
  const send = (frame: Frame): void => {
    socket.write(encodeFrame(frame));
  };
  return {
    start: (id, order) => send({ id, kind: controlKind.start, payload: encodeStartOrder(order) }),
    kill: (id) => send({ id, kind: controlKind.kill, payload: new Uint8Array(0) }),
    onExit: (id, listener) => {
      listeners.set(id, listener);
    },
  };
}
