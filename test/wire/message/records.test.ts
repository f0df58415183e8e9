import { describe, expect, it } from 'vitest';
import { concatBytes, u32 } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import {
  createRecordFrames,
  decodeCancel,
  decodeRecordKind,
  encodeCancel,
  encodeRecordFrame,
  recordKind,
} from '../../../wire/message/session.ts';

const record = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return undefined;
}

describe('records of a streamed answer', () => {
  const records = [record(300, 1), record(0, 2), record(70_000, 3), record(1, 4)];
  const stream = concatBytes(...records.map(encodeRecordFrame));

  it.each([1, 3, 4, 5, 299, 65_536, stream.length])('come out whole from chunks of %i bytes', (size) => {
    const frames = createRecordFrames();
    const out: Uint8Array[] = [];
    for (let offset = 0; offset < stream.length; offset += size) {
      out.push(...frames.push(stream.subarray(offset, offset + size)));
    }
    expect(out).toEqual(records);
    expect(frames.complete).toBe(true);
  });

  it('are known to be cut off at every byte inside one', () => {
    const short = concatBytes(encodeRecordFrame(record(2, 1)), encodeRecordFrame(record(5, 2)));
    for (let end = 0; end <= short.length; end++) {
      const frames = createRecordFrames();
      frames.push(short.subarray(0, end));
      expect(frames.complete).toBe(end === 0 || end === 6 || end === short.length);
    }
  });

  it('are refused by their length, before more of them arrives', () => {
    const frames = createRecordFrames();
    expect(codeOf(() => frames.push(u32(limits.recordBytes + 1)))).toBe('too_large');
  });
});

describe('a cancel record', () => {
  it('names one request', () => {
    const { kind, rest } = decodeRecordKind(encodeCancel(record(32, 7)));
    expect(kind).toBe(recordKind.cancel);
    expect(decodeCancel(rest)).toEqual(record(32, 7));
  });

  it.each([0, 31, 33])('is refused with %i bytes after its kind', (length) => {
    expect(codeOf(() => decodeCancel(record(length, 1)))).toBe('record_invalid');
  });
});
