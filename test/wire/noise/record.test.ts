import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, equalBytes, u32 } from '../../../wire/bytes.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { limits } from '../../../wire/limits.ts';
import {
  createRecordSequence,
  openRecord,
  type RecordPadding,
  type RecordPlace,
  sealRecord,
} from '../../../wire/noise/index.ts';
import { paddedSize } from '../../../wire/noise/record.ts';
import { openSession, refusal, type Session, suites, tampered } from './support.ts';

const place: RecordPlace = { direction: 'to-worker', request: 7, chunk: 3, final: false };
const data = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);

async function sealToWorker(
  suite: Suite,
  { client }: Session,
  options: Partial<RecordPlace> & { readonly data?: Uint8Array; readonly padding?: RecordPadding } = {},
): Promise<Uint8Array> {
  const { data: content = data, padding = 'body', ...at } = options;
  return await sealRecord(suite, client.sendKey, client.handshakeHash, { ...place, ...at }, content, padding);
}

async function openAtWorker(suite: Suite, { worker }: Session, record: Uint8Array) {
  return await openRecord(suite, worker.receiveKey, worker.handshakeHash, 'to-worker', record);
}

describe('padding', () => {
  it.each([
    ['body', 0, 256],
    ['body', 252, 256],
    ['body', 253, 512],
    ['body', 508, 512],
    ['body', 509, 1024],
    ['body', 32_764, 32_768],
    ['body', 32_765, 65_536],
    ['body', 65_532, 65_536],
    ['body', 65_533, 131_072],
    ['body', 131_068, 131_072],
    ['body', 131_069, 196_608],
    ['stream', 0, 256],
    ['stream', 252, 256],
    ['stream', 253, 512],
    ['stream', 600, 768],
    ['stream', 65_533, 65_792],
  ] as const)('%s of %i bytes takes %i', (padding, length, size) => {
    expect(paddedSize(length, padding)).toBe(size);
  });

  it('hides every length up to a step behind one size, and never shrinks', () => {
    const broken: string[] = [];
    for (const padding of ['body', 'stream'] as const) {
      let last = 0;
      for (let length = 0; length <= 140_000; length += 7) {
        const size = paddedSize(length, padding);
        if (size < length + 4 || size < last || size % 256 !== 0) broken.push(`${padding} ${length} -> ${size}`);
        last = size;
      }
    }
    expect(broken).toEqual([]);
  });
});

describe.each(suites)('records, %s suite', (_name, suite) => {
  it('carry any data to any place', async () => {
    const session = await openSession(suite, suite);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2_000 }),
        fc.record({
          request: fc.nat({ max: 0xffff_fffe }),
          chunk: fc.nat({ max: 0xffff_fffe }),
          final: fc.boolean(),
        }),
        fc.constantFrom<RecordPadding>('body', 'stream'),
        async (content, at, padding) => {
          const record = await sealToWorker(suite, session, { ...at, data: content, padding });
          const opened = await openAtWorker(suite, session, record);
          expect(opened.place).toEqual({ direction: 'to-worker', ...at });
          expect(opened.data).toEqual(content);
          expect(record).toHaveLength(9 + paddedSize(content.length, padding) + 16);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('carry a whole body of the largest size, and nothing larger', async () => {
    const session = await openSession(suite, suite);
    const largest = new Uint8Array(limits.recordPlaintextBytes - 4);
    largest[0] = 1;
    largest[largest.length - 1] = 2;
    const record = await sealToWorker(suite, session, { data: largest });
    expect(equalBytes((await openAtWorker(suite, session, record)).data, largest)).toBe(true);

    const beyond = new Uint8Array(largest.length + 1);
    expect(await refusal(() => sealToWorker(suite, session, { data: beyond }))).toBe('too_large');
    const longer = concatBytes(record, new Uint8Array(1));
    expect(await refusal(() => openAtWorker(suite, session, longer))).toBe('too_large');
  });

  it('refuse every changed byte: number, chunk, final, ciphertext, tag', async () => {
    const session = await openSession(suite, suite);
    const record = await sealToWorker(suite, session, { data: new Uint8Array(40).fill(9) });
    for (const changed of tampered(record)) {
      expect(await refusal(() => openAtWorker(suite, session, changed))).toBe('record_invalid');
    }
  });

  it('refuse a flipped final bit in both directions of the flip', async () => {
    const session = await openSession(suite, suite);
    for (const final of [false, true]) {
      const record = await sealToWorker(suite, session, { final });
      record[8] = final ? 0 : 1;
      expect(await refusal(() => openAtWorker(suite, session, record))).toBe('record_invalid');
    }
  });

  it('refuse truncation at every length, and appended bytes', async () => {
    const session = await openSession(suite, suite);
    const record = await sealToWorker(suite, session);
    for (let length = 0; length < record.length; length++) {
      expect(await refusal(() => openAtWorker(suite, session, record.subarray(0, length)))).toBe('record_invalid');
    }
    expect(await refusal(() => openAtWorker(suite, session, concatBytes(record, Uint8Array.of(0))))).toBe(
      'record_invalid',
    );
  });

  it('refuse the other direction, even where someone reflects a record with its own key', async () => {
    const session = await openSession(suite, suite);
    const { client } = session;
    const record = await sealToWorker(suite, session);
    expect(await refusal(() => openRecord(suite, client.receiveKey, client.handshakeHash, 'to-client', record))).toBe(
      'record_invalid',
    );
    expect(await refusal(() => openRecord(suite, client.sendKey, client.handshakeHash, 'to-client', record))).toBe(
      'record_invalid',
    );
  });

  it('refuse another session, even with the right key and only another handshake hash', async () => {
    const session = await openSession(suite, suite);
    const other = await openSession(suite, suite);
    const record = await sealToWorker(suite, session);
    expect(await refusal(() => openAtWorker(suite, other, record))).toBe('record_invalid');
    const { receiveKey } = session.worker;
    const { handshakeHash } = other.worker;
    expect(await refusal(() => openRecord(suite, receiveKey, handshakeHash, 'to-worker', record))).toBe(
      'record_invalid',
    );
  });

  it('refuse the ciphertext of one chunk at the place of another', async () => {
    const session = await openSession(suite, suite);
    const first = await sealToWorker(suite, session, { chunk: 0 });
    const second = await sealToWorker(suite, session, { chunk: 1 });
    const swapped = [
      concatBytes(first.subarray(0, 9), second.subarray(9)),
      concatBytes(second.subarray(0, 9), first.subarray(9)),
    ];
    for (const record of swapped) {
      expect(await refusal(() => openAtWorker(suite, session, record))).toBe('record_invalid');
    }
  });

  it('arrive in order or not at all: swapped whole records are genuine, and out of turn', async () => {
    const session = await openSession(suite, suite);
    const first = await openAtWorker(suite, session, await sealToWorker(suite, session, { chunk: 0 }));
    const second = await openAtWorker(suite, session, await sealToWorker(suite, session, { chunk: 1, final: true }));
    const sequence = createRecordSequence(place.request);
    expect(await refusal(() => sequence.accept(second.place))).toBe('record_invalid');
    sequence.accept(first.place);
    sequence.accept(second.place);
    expect(sequence.complete).toBe(true);
  });

  it('are deterministic, so that a retransmission is the same bytes', async () => {
    const session = await openSession(suite, suite);
    expect(await sealToWorker(suite, session)).toEqual(await sealToWorker(suite, session));
  });

  it('leave the data as it was, and hand out fresh bytes', async () => {
    const session = await openSession(suite, suite);
    const content = Uint8Array.of(1, 2, 3);
    const record = await sealToWorker(suite, session, { data: content });
    expect(content).toEqual(Uint8Array.of(1, 2, 3));
    const opened = await openAtWorker(suite, session, record);
    opened.data.fill(0);
    expect((await openAtWorker(suite, session, record)).data).toEqual(content);
    expect(opened.data.buffer.byteLength).toBe(3);
  });

  it('never use the last number of either counter', async () => {
    const session = await openSession(suite, suite);
    for (const at of [{ request: 0xffff_ffff }, { chunk: 0xffff_ffff }]) {
      expect(await refusal(() => sealToWorker(suite, session, at))).toBe('record_exhausted');
    }
    const record = await sealToWorker(suite, session);
    const exhausted = concatBytes(u32(0xffff_ffff), record.subarray(4));
    expect(await refusal(() => openAtWorker(suite, session, exhausted))).toBe('record_exhausted');
  });

  it('refuse numbers that are not u32, and a handshake hash that is not one', async () => {
    const session = await openSession(suite, suite);
    for (const at of [{ request: -1 }, { request: 1.5 }, { chunk: Number.NaN }]) {
      expect(await refusal(() => sealToWorker(suite, session, at))).toBe('integer_out_of_range');
    }
    const { sendKey } = session.client;
    expect(await refusal(() => sealRecord(suite, sendKey, new Uint8Array(31), place, data, 'body'))).toBe(
      'word_invalid',
    );
  });
});

describe('records between engines', () => {
  it.each(suites.flatMap(([a, from]) => suites.map(([b, to]) => [a, b, from, to] as const)))(
    'sealed by %s, opened by %s',
    async (_a, _b, from, to) => {
      const session = await openSession(from, to);
      const record = await sealToWorker(from, session, { padding: 'stream', final: true });
      expect(await openAtWorker(to, session, record)).toEqual({ place: { ...place, final: true }, data });
    },
  );
});
