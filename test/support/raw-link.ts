import { connect } from 'node:net';
import { createFrameReader, encodeFrame, type Frame } from '../../wire/codec/frame.ts';

/** A host of the test's own on a worker's link: it takes the place of the real one, which connects again later. */
export interface RawLink {
  ask(kind: number, payload: Uint8Array): Promise<Frame>;
  close(): void;
}

export function connectRaw(path: string): Promise<RawLink> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const waiting = new Map<number, { resolve: (frame: Frame) => void; reject: (error: Error) => void }>();
    const reader = createFrameReader(50_000_000, (frame) => {
      waiting.get(frame.id)?.resolve(frame);
      waiting.delete(frame.id);
    });
    let next = 1;
    socket.on('data', (chunk: Uint8Array) => reader.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      for (const { reject: refuse } of waiting.values()) refuse(new Error('the link closed'));
    });
    socket.on('connect', () =>
      resolve({
        ask: (kind, payload) =>
          new Promise((answer, refuse) => {
            const id = next++;
            waiting.set(id, { resolve: answer, reject: refuse });
            socket.write(encodeFrame({ id, kind, payload }));
          }),
        close: () => socket.destroy(),
      }),
    );
  });
}
