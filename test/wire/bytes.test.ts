import { describe, expect, it } from 'vitest';
import {
  concatBytes,
  equalBytes,
  fromBase64url,
  fromHex,
  isZero,
  readU32,
  toBase64url,
  toHex,
  u32,
  utf8,
} from '../../wire/bytes.ts';

const thrown = (f: () => unknown): unknown => {
  try {
    f();
  } catch (error) {
    return error;
  }
  return expect.unreachable();
};

describe('comparing', () => {
  const bytes = Uint8Array.of(1, 2, 3);

  it.each([
    ['itself', [1, 2, 3], true],
    ['another first byte', [0, 2, 3], false],
    ['another last byte', [1, 2, 2], false],
    ['all bytes in another order', [3, 2, 1], false],
    ['one byte more', [1, 2, 3, 0], false],
    ['one byte less', [1, 2], false],
    ['nothing', [], false],
  ])('with %s', (_, other, equal) => {
    expect(equalBytes(bytes, Uint8Array.from(other))).toBe(equal);
  });

  it('finds nothing equal to nothing', () => {
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  it('finds differences that would cancel out when added up', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(2, 1))).toBe(false);
    expect(equalBytes(Uint8Array.of(5, 5), Uint8Array.of(6, 6))).toBe(false);
  });

  it('calls only zeros zero', () => {
    expect(isZero(new Uint8Array(4))).toBe(true);
    expect(isZero(new Uint8Array(0))).toBe(true);
    expect(isZero(Uint8Array.of(1, 0, 0))).toBe(false);
    expect(isZero(Uint8Array.of(0, 0, 128))).toBe(false);
  });
});

it('puts parts one after the other, empty ones too', () => {
  expect(concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
  expect(concatBytes()).toEqual(new Uint8Array(0));
});

describe('hex', () => {
  it('writes and reads each byte in lower case', () => {
    const all = Uint8Array.from({ length: 256 }, (_, value) => value);
    expect(toHex(all)).toBe(Buffer.from(all).toString('hex'));
    expect(fromHex(toHex(all))).toEqual(all);
    expect(fromHex('')).toEqual(new Uint8Array(0));
  });

  it.each([
    ['half a byte', '0', undefined],
    ['a byte and a half', 'abc', undefined],
    ['more bytes than asked for', '0102', 1],
    ['fewer bytes than asked for', '01', 2],
    ['something where nothing is asked for', '01', 0],
  ])('refuses %s', (_, text, length) => {
    expect(thrown(() => fromHex(text, length))).toMatchObject({ code: 'hex_invalid' });
  });

  it('reads as many bytes as asked for', () => {
    expect(fromHex('0aff', 2)).toEqual(Uint8Array.of(10, 255));
  });

  it.each(['/', ':', '`', 'g', 'A', 'F', ' '])('refuses "%s" as either digit, and says where', (digit) => {
    expect(thrown(() => fromHex(`0000${digit}0`))).toMatchObject({ code: 'hex_invalid', place: { offset: 4 } });
    expect(thrown(() => fromHex(`00000${digit}`))).toMatchObject({ code: 'hex_invalid', place: { offset: 4 } });
  });
});

describe('base64url', () => {
  it('writes and reads every value of every length up to three bytes past a group', () => {
    for (let length = 0; length < 7; length++) {
      for (let value = 0; value < 256; value++) {
        const bytes = Uint8Array.from({ length }, (_, i) => value * (i + 1));
        expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
      }
    }
  });

  it.each(['A', 'AAAAA'])('refuses the length of "%s", which no bytes have', (text) => {
    expect(thrown(() => fromBase64url(text))).toMatchObject({ code: 'base64url_invalid' });
  });

  it.each(['+', '/', '=', '.', '\u0141'])('refuses "%s" and says where it stands', (character) => {
    expect(thrown(() => fromBase64url(`AA${character}A`))).toMatchObject({
      code: 'base64url_invalid',
      place: { offset: 2 },
    });
  });

  it.each(['AB', 'AAB', 'AAAAAB', 'AAAAAAB'])('refuses "%s", another spelling of the same bytes', (text) => {
    expect(thrown(() => fromBase64url(text))).toMatchObject({
      code: 'base64url_invalid',
      place: { offset: text.length - 1 },
    });
  });
});

it('writes text as UTF-8', () => {
  expect(utf8('aé€')).toEqual(Uint8Array.of(0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac));
});

describe('u32', () => {
  it('is big-endian', () => {
    expect(u32(0x01020304)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(u32(0)).toEqual(new Uint8Array(4));
    expect(readU32(u32(0xffffffff), 0)).toBe(0xffffffff);
  });

  it.each([-1, 0x1_0000_0000, 1.5, Number.NaN])('cannot be %s', (value) => {
    expect(thrown(() => u32(value))).toMatchObject({ code: 'integer_out_of_range' });
  });

  it('is read from inside a larger buffer, up to its last byte', () => {
    const part = Uint8Array.of(9, 9, 1, 2, 3, 4, 9).subarray(1, 6);
    expect(readU32(part, 1)).toBe(0x01020304);
    expect(thrown(() => readU32(part, 2))).toMatchObject({ code: 'truncated', place: { offset: 2 } });
  });
});
