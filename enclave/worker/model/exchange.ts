import type { Socket } from 'node:net';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';

/** The worker's end of a model process's only descriptor. Whatever was not asked for breaks the protocol. */
export interface Exchange {
  /** The one frame that answers `id`. */
  expect(id: number): Promise<Frame>;
  /** Every frame of `id`, until the listener says that it was the last one. */
  listen(id: number, listener: (frame: Frame) => 'more' | 'last'): void;
  /** Resolves when the process has room for more. */
  send(frame: Frame): Promise<void>;
}

export function openExchange(socket: Socket, onViolation: (error: WireError) => void): Exchange {
  const listeners = new Map<number, (frame: Frame) => 'more' | 'last'>();
  const reader = createFrameReader(limits.frameBytes, (frame) => {
    const listener = listeners.get(frame.id);
    if (listener === undefined) throw new WireError('frame_invalid', 'an answer that nobody asked for');
    if (listener(frame) === 'last') listeners.delete(frame.id);
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
        listeners.set(id, (frame) => {
          resolve(frame);
          return 'last';
        });
      }),
    listen: (id, listener) => {
      listeners.set(id, listener);
    },
    send: async (frame) => {
      // Where the process is gone there is no more room, and the wait ends by the failure that it races against.
      if (!socket.write(encodeFrame(frame))) await new Promise((resolve) => socket.once('drain', resolve));
    },
  };
}
