import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { codeOf } from './support.ts';

const MAX = 1_000;

const frames: fc.Arbitrary<readonly Frame[]> = fc.array(
  fc.record({
    id: fc.integer({ min: 0, max: 0xffffffff }),
    kind: fc.integer({ min: 0, max: 0xff }),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 8 },
);

function read(chunks: readonly Uint8Array[], maxBytes = MAX): { frames: Frame[]; buffered: number } {
  const found: Frame[] = [];
  const reader = createFrameReader(maxBytes, (frame) => found.push(frame));
  for (const chunk of chunks) reader.push(chunk);
  return { frames: found, buffered: reader.buffered };
}

/** Cuts at the given places, which may repeat: empty chunks are legal. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.slice(index === 0 ? 0 : (ends[index - 1] as number), end));
}

describe('frames', () => {
  it('have a fixed layout', () => {
    const frame = { id: 0x01020304, kind: 0x81, payload: Uint8Array.of(0xaa, 0xbb) };
    expect(toHex(encodeFrame(frame))).toBe('000000070102030481aabb');
    expect(read([fromHex('000000070102030481aabb')])).toEqual({ frames: [frame], buffered: 0 });
  });

  it('refuse an id or kind that does not fit', () => {
    const payload = new Uint8Array();
    for (const [id, kind] of [
      [-1, 0],
      [2 ** 32, 0],
      [0.5, 0],
      [0, 256],
      [0, -1],
      [0, 0.5],
    ] as const) {
      expect(codeOf(() => encodeFrame({ id, kind, payload }))).toBe('integer_out_of_range');
    }
  });

  it('survive every chunking', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
        const bytes = concatBytes(...sent.map(encodeFrame));
        expect(read(cut(bytes, places))).toEqual({ frames: sent, buffered: 0 });
      }),
    );
  });

  it('survive a split at every byte, and two in one read', () => {
    const sent = [
      { id: 1, kind: 1, payload: Uint8Array.of(1, 2, 3) },
      { id: 2, kind: 2, payload: new Uint8Array() },
    ];
    const bytes = concatBytes(...sent.map(encodeFrame));
    for (let at = 0; at <= bytes.length; at++) {
      expect(read([bytes.slice(0, at), bytes.slice(at)]).frames).toEqual(sent);
    }
    expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte))).frames).toEqual(sent);
  });

  it('count what is held of an incomplete frame', () => {
    const bytes = encodeFrame({ id: 1, kind: 1, payload: new Uint8Array(10) });
    for (let at = 0; at < bytes.length; at++) expect(read([bytes.slice(0, at)])).toEqual({ frames: [], buffered: at });
  });

  it('copy their payload', () => {
    const bytes = encodeFrame({ id: 1, kind: 1, payload: Uint8Array.of(7) });
    const [frame] = read([bytes]).frames;
    bytes.fill(0);
    expect(frame?.payload).toEqual(Uint8Array.of(7));
  });
});

describe('a frame length', () => {
  it.each([
    ['0', '00000000'],
    ['one below the head', '00000004'],
    ['-1', 'ffffffff'],
    ['one above the limit', '000003e9'],
  ])('of %s is refused as soon as it has arrived', (_, hex) => {
    const reader = createFrameReader(MAX, () => {});
    expect(codeOf(() => reader.push(fromHex(hex).subarray(0, 3)))).toBe('accepted');
    expect(codeOf(() => reader.push(fromHex(hex).subarray(3)))).toBe('frame_invalid');
  });

  it('at either bound is accepted', () => {
    const largest = { id: 1, kind: 1, payload: new Uint8Array(MAX - 5) };
    expect(read([encodeFrame(largest)]).frames).toEqual([largest]);
    expect(codeOf(() => read([encodeFrame(largest)], MAX - 1))).toBe('frame_invalid');
  });
});

describe('a frame reader', () => {
  it.each([200_000, 300_000, 1_000_000])('takes %i bytes of payload in one piece or two, and holds no more', (size) => {
    const payload = Uint8Array.from({ length: size }, (_, i) => i);
    const bytes = encodeFrame({ id: 1, kind: 2, payload });
    for (const place of [0, 9, 10, 65_545, bytes.length - 1]) {
      const { frames: found } = read([bytes.subarray(0, place), bytes.subarray(place)], size + 5);
      expect(found).toHaveLength(1);
      expect(Buffer.compare(found[0]?.payload ?? new Uint8Array(0), payload)).toBe(0);
    }
  });

  it('holds memory for what arrived and not for what was claimed, also once the first buffer is full', () => {
    const size = 8_000_000;
    const begun = encodeFrame({ id: 1, kind: 1, payload: new Uint8Array(size) }).slice(0, 70_000);
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 32 }, () => {
      const reader = createFrameReader(size + 5, () => {});
      reader.push(begun);
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1_000_000);
    expect(readers.map(({ buffered }) => buffered)).toEqual(new Array(32).fill(70_000));
  });

  it('stays failed, since its place in the stream is lost', () => {
    const reader = createFrameReader(MAX, () => {});
    expect(codeOf(() => reader.push(fromHex('00000000')))).toBe('frame_invalid');
    expect(codeOf(() => reader.push(encodeFrame({ id: 1, kind: 1, payload: new Uint8Array() })))).toBe('frame_invalid');
  });

  it('fails for good when its callback throws', () => {
    const reader = createFrameReader(MAX, () => {
      throw new TypeError('a bug');
    });
    const bytes = encodeFrame({ id: 1, kind: 1, payload: new Uint8Array() });
    expect(() => reader.push(bytes)).toThrow(TypeError);
    expect(codeOf(() => reader.push(bytes))).toBe('frame_invalid');
  });

  it('is linear in its input and does not reserve what was only claimed', () => {
    const size = 8_000_000;
    const claimed = encodeFrame({ id: 1, kind: 1, payload: new Uint8Array(size) });
    const before = process.memoryUsage().arrayBuffers;
    const idle = Array.from({ length: 64 }, () => {
      const reader = createFrameReader(size + 5, () => {});
      reader.push(claimed.subarray(0, 9));
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1_000_000);
    expect(idle).toHaveLength(64);

    let received = 0;
    const reader = createFrameReader(size + 5, (frame) => {
      received += frame.payload.length;
    });
    const started = performance.now();
    for (let at = 0; at < claimed.length; at += 16) reader.push(claimed.subarray(at, at + 16));
    expect(received).toBe(size);
    // A reader that joins its chunks again on every read copies 2 * 10^12 bytes here, which takes minutes.
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
