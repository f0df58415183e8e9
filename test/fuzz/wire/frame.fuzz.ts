import { deepStrictEqual } from 'node:assert/strict';
import { concatBytes } from '../../../wire/bytes.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { unlessRefused } from '../refused.ts';

const MAX = 4_096;

/** The first byte chooses how the rest is cut. However it is cut, the frames are the same, and they are the input again. */
export function fuzz(data: Uint8Array): void {
  const stream = data.subarray(1);
  const whole = read(stream, stream.length);
  const parts = read(stream, 1 + ((data[0] ?? 0) % 17));
  deepStrictEqual(parts, whole);
  const encoded = concatBytes(...whole.frames.map(encodeFrame));
  deepStrictEqual(encoded, stream.slice(0, encoded.length));
  if (whole.buffered !== undefined) deepStrictEqual(encoded.length + whole.buffered, stream.length);
}

function read(stream: Uint8Array, size: number): { frames: readonly Frame[]; buffered: number | undefined } {
  const frames: Frame[] = [];
  const reader = createFrameReader(MAX, (frame) => frames.push(frame));
  const finished = unlessRefused(() => {
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    return true;
  });
  return { frames, buffered: finished === undefined ? undefined : reader.buffered };
}

const sample = concatBytes(
  encodeFrame({ id: 1, kind: 0x06, payload: new Uint8Array(40).fill(7) }),
  encodeFrame({ id: 0, kind: 0x83, payload: new Uint8Array() }),
  encodeFrame({ id: 0xffffffff, kind: 0x81, payload: Uint8Array.of(1) }),
);

export const seeds: readonly Uint8Array[] = [0, 3, 8, 200].map((cut) => concatBytes(Uint8Array.of(cut), sample));
