import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { addressWord, decodeWords, encodeWords, tagWord, uintWord } from '../../../wire/words.ts';

const layout = [
  { name: 'hash', kind: 'bytes32' },
  { name: 'owner', kind: 'address' },
  { name: 'count', kind: 'uint', bits: 8 },
] as const;

const right = { hash: new Uint8Array(32).fill(1), owner: new Uint8Array(20).fill(2), count: 3n };

function refusalOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { code: error.code, ...error.place };
  }
}

describe('a record that cannot be written', () => {
  it.each([
    ['hash', { ...right, hash: 1n as unknown as Uint8Array }, 'word_invalid'],
    ['hash', { ...right, hash: new Uint8Array(31) }, 'word_invalid'],
    ['owner', { ...right, owner: new Uint8Array(32) }, 'word_invalid'],
    ['owner', { ...right, owner: undefined as unknown as Uint8Array }, 'word_invalid'],
    ['count', { ...right, count: 3 as unknown as bigint }, 'word_invalid'],
    ['count', { ...right, count: new Uint8Array(32) as unknown as bigint }, 'word_invalid'],
    ['count', { ...right, count: 256n }, 'integer_out_of_range'],
    ['count', { ...right, count: -1n }, 'integer_out_of_range'],
  ])('is refused by the name of its field: %s', (field, record, code) => {
    expect(refusalOf(() => encodeWords(layout, record))).toEqual({ code, field });
  });

  it('is not mistaken for one whose getter fails', () => {
    const broken = {
      ...right,
      owner: {
        get length(): number {
          throw new RangeError('gone');
        },
      } as unknown as Uint8Array,
    };
    Object.setPrototypeOf(broken.owner, Uint8Array.prototype);
    expect(() => encodeWords(layout, broken)).toThrow(RangeError);
  });
});

describe('words that cannot be read', () => {
  const encoded = encodeWords(layout, right);
  const with1At = (offset: number): Uint8Array => encoded.map((byte, index) => (index === offset ? 1 : byte));

  it('are refused by field and offset', () => {
    expect(decodeWords(layout, encoded)).toEqual(right);
    const at = (offset: number): unknown => refusalOf(() => decodeWords(layout, with1At(offset)));
    expect(at(43)).toEqual({ code: 'word_invalid', field: 'owner', offset: 32 });
    expect(at(94)).toEqual({ code: 'integer_out_of_range', field: 'count', offset: 64 });
  });

  it('are refused at the byte that is missing or too many', () => {
    expect(refusalOf(() => decodeWords(layout, encoded.subarray(0, 95)))).toEqual({ code: 'truncated', offset: 95 });
    const longer = concatBytes(encoded, Uint8Array.of(0));
    expect(refusalOf(() => decodeWords(layout, longer))).toEqual({ code: 'trailing_bytes', offset: 96 });
  });
});

describe('single words', () => {
  it('say where a tag is wrong', () => {
    expect(refusalOf(() => tagWord('ab\u007f'))).toEqual({ code: 'word_invalid', offset: 2 });
    expect(refusalOf(() => tagWord('a\u001f'))).toEqual({ code: 'word_invalid', offset: 1 });
    expect(refusalOf(() => tagWord(''))).toEqual({ code: 'word_invalid' });
    expect(refusalOf(() => tagWord('a'.repeat(33)))).toEqual({ code: 'word_invalid' });
  });

  it('hold a tag of every printable character, up to the whole word', () => {
    expect(tagWord('a'.repeat(32))).toEqual(new Uint8Array(32).fill(0x61));
    expect(tagWord(' ~').subarray(0, 3)).toEqual(Uint8Array.of(0x20, 0x7e, 0));
  });

  it('hold the largest integer of their width and no larger one', () => {
    expect(uintWord(255n, 8)[31]).toBe(255);
    expect(refusalOf(() => uintWord(256n, 8))).toEqual({ code: 'integer_out_of_range' });
    expect(refusalOf(() => addressWord(new Uint8Array(19)))).toEqual({ code: 'word_invalid' });
  });
});
