import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createFrameReader, encodeFrame, type Frame, type OutgoingFrame } from '../../wire/codec/frame.ts';
import { limits } from '../../wire/limits.ts';

/** The one connection to the host. Frames are dropped while nobody is connected: what must not be lost is sent again. */
export interface Link {
  send(frame: OutgoingFrame): void;
}

export interface LinkHandlers {
  /** A host has connected: everything that it must know first. */
  onConnect(link: Link): void;
  onFrame(frame: Frame, link: Link): void;
  /** This connection is over: nothing that is sent on it arrives any more. */
  onClose(link: Link): void;
}

/** Above this many unsent bytes the worker stops reading requests until the host has taken its answers. */
const HIGH_WATER_BYTES = 4 * limits.frameBytes;

/**
 * Listens where the host (or a bridge in front of it) connects. The newest connection wins: a restarted host must get
 * through although its predecessor's end may not have been seen, and a host can only hurt its own service by it.
 */
export function serveLink(path: string, handlers: LinkHandlers): Promise<void> {
  let current: Socket | undefined;
  const server = createServer((socket) => {
    current?.destroy();
    current = socket;
    let corked = false;
    const link: Link = {
      send: (frame) => {
        if (socket.destroyed) return;
        // What is sent in one turn goes out in one call: answers of a batch come together.
        if (!corked) {
          corked = true;
          socket.cork();
          process.nextTick(() => {
            corked = false;
            socket.uncork();
          });
        }
        socket.write(encodeFrame(frame));
        if (socket.writableLength > HIGH_WATER_BYTES) socket.pause();
      },
    };
    const reader = createFrameReader(limits.frameBytes, (frame) => handlers.onFrame(frame, link));
    socket.on('drain', () => socket.resume());
    socket.on('data', (chunk: Uint8Array) => {
      try {
        reader.push(chunk);
      } catch {
        // Bytes that are no frame: whoever sent them has lost its place in the stream and must connect again.
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => handlers.onClose(link));
    handlers.onConnect(link);
  });
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      // The host runs under another user than the sandboxed worker; the socket's folder decides who gets here.
      chmodSync(path, 0o666);
      resolve();
    });
  });
}
