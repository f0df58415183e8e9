import { describe, expect, it } from 'vitest';
import {
  type DerElement,
  derCursor,
  derInteger,
  derNamedBits,
  derOid,
  derTag,
  derTime,
  derUnsigned,
} from '../../../verifier/codec/der.ts';
import { VerifierError } from '../../../verifier/errors.ts';
import { fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { der } from '../../support/der-writer.ts';

const BASE = 100;

/** The element after one of two bytes, in an input that starts at byte 100 of something larger. */
function second(hex: string): DerElement {
  const cursor = derCursor(fromHex(`0500${hex}`), BASE);
  cursor.readAny();
  const element = cursor.readAny();
  cursor.end();
  return element;
}

function refusalOf(run: () => unknown): { readonly message: string; readonly offset: number | undefined } {
  try {
    run();
  } catch (error) {
    if (error instanceof VerifierError && error.checkId === 'C1') {
      return { message: error.message, offset: error.place.offset };
    }
    throw error;
  }
  return { message: 'accepted', offset: undefined };
}

const zeros = (count: number): string => '00'.repeat(count);

describe('the place of a refusal', () => {
  it.each([
    ['truncated', ''],
    ['truncated', '04'],
    ['truncated', '0482ff'],
    ['several bytes', '1f00'],
    ['indefinite', '30800000'],
    ['more than two', '0483010000'],
    ['not minimal', `04817f${zeros(127)}`],
    ['longer than', '0402aa'],
  ])('is the byte of the element: %s', (detail, hex) => {
    const refusal = refusalOf(() => second(hex));
    expect(refusal.message).toContain(detail);
    expect(refusal.offset).toBe(BASE + 2);
  });

  it('is where something else was expected, and says what was there', () => {
    const cursor = derCursor(fromHex('0500'), BASE);
    cursor.read(derTag.null);
    const refusal = refusalOf(() => cursor.read(derTag.integer));
    expect(refusal).toEqual({
      message: 'der_invalid: expected tag 0x02, got nothing at byte 102',
      offset: BASE + 2,
    });
  });

  it('is the first byte that nobody read', () => {
    const cursor = derCursor(fromHex('05000500'), BASE);
    cursor.readAny();
    expect(refusalOf(() => cursor.end())).toMatchObject({ offset: BASE + 2 });
  });

  it('is the element of a date', () => {
    const element = second(toHex(der(derTag.utcTime, utf8('240230000000Z'))));
    expect(refusalOf(() => derTime(element))).toMatchObject({ offset: BASE + 2 });
  });
});

describe('the first values of a form', () => {
  it.each([127, 128, 255, 256])('reads %d bytes', (length) => {
    expect(second(toHex(der(0x04, new Uint8Array(length)))).contents).toHaveLength(length);
  });

  it.each(['00', '7f', '80', 'ff', '0080', '0180', 'ff7f', '8000'])('reads the integer %s', (hex) => {
    expect(toHex(derInteger(second(toHex(der(derTag.integer, fromHex(hex))))))).toBe(hex);
  });

  it.each(['80', 'ff', '8000'])('refuses the negative %s where a magnitude is wanted', (hex) => {
    expect(() => derUnsigned(second(toHex(der(derTag.integer, fromHex(hex)))))).toThrow(/negative/);
  });

  it('knows years before and from 2050', () => {
    const timeOf = (tag: number, text: string): number => derTime(second(toHex(der(tag, utf8(text)))));
    expect(timeOf(derTag.utcTime, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
    expect(timeOf(derTag.utcTime, '500101000000Z')).toBe(Date.UTC(1950, 0, 1));
    expect(timeOf(derTag.generalizedTime, '20500101000000Z')).toBe(Date.UTC(2050, 0, 1));
    expect(() => timeOf(derTag.generalizedTime, '20491231235959Z')).toThrow(/^certificate_time/);
  });

  const times = [
    [derTag.utcTime, '301010101010Z'],
    [derTag.generalizedTime, '20601010101010Z'],
  ] as const;

  it.each(times)('are digits in every place: 0x%x', (tag, text) => {
    expect(derTime(second(toHex(der(tag, utf8(text)))))).toBeGreaterThan(0);
    // A character beside the digits would pass as the number eleven, or ten: "10" and "0:" must not be one month.
    for (let at = 0; at < text.length - 1; at++) {
      for (const stranger of ['/', ':', ' ', '-', 'Z']) {
        const changed = `${text.slice(0, at)}${stranger}${text.slice(at + 1)}`;
        expect(refusalOf(() => derTime(second(toHex(der(tag, utf8(changed))))))).toMatchObject({ offset: BASE + 2 });
      }
    }
    for (const pair of ['0:', '2/']) {
      for (let at = text.length - 11; at < text.length - 1; at += 2) {
        const changed = `${text.slice(0, at)}${pair}${text.slice(at + 2)}`;
        expect(() => derTime(second(toHex(der(tag, utf8(changed)))))).toThrow(/^certificate_time: not a date/);
      }
    }
  });

  it.each(times)('end in one Z and nothing else: 0x%x', (tag, text) => {
    const start = text.slice(0, -1);
    for (const changed of [
      start,
      `${start}z`,
      `${start}0`,
      `${start}ZZ`,
      `${start}Z0`,
      `${start}0Z`,
      text.slice(1),
      'Z',
      '',
    ]) {
      expect(() => derTime(second(toHex(der(tag, utf8(changed)))))).toThrow(/^certificate_time: not a date/);
    }
  });

  it.each(['x240131235959Z', '240131235959Z0', '240131235959Zx', '2240131235959Z'])('refuses the date %s', (text) => {
    expect(() => derTime(second(toHex(der(derTag.utcTime, utf8(text)))))).toThrow(/^certificate_time: not a date/);
  });

  it.each(['x20510131235959Z', '20510131235959Z0', '220510131235959Z'])('refuses the long date %s', (text) => {
    const element = second(toHex(der(derTag.generalizedTime, utf8(text))));
    expect(() => derTime(element)).toThrow(/^certificate_time: not a date/);
  });
});

describe('bit lists', () => {
  const bits = (hex: string): DerElement => second(toHex(der(derTag.bitString, fromHex(hex))));

  it.each(['', '00', '07', '08ff', 'ff80'])('refuses %s in either profile', (hex) => {
    expect(() => derNamedBits(bits(hex))).toThrow(/malformed bit list/);
    expect(() => derNamedBits(bits(hex), 'allowed')).toThrow(/malformed bit list/);
  });

  it('lets a zero bit end the list only where that is allowed', () => {
    expect(() => derNamedBits(bits('0006'))).toThrow(/not minimal/);
    const read = derNamedBits(bits('0006'), 'allowed');
    expect(read).toEqual([false, false, false, false, false, true, true, false]);
    // An unused bit that is set has no reading at all.
    expect(() => derNamedBits(bits('0103'), 'allowed')).toThrow(/not minimal/);
  });
});

describe('object identifiers', () => {
  const oid = (hex: string): string => derOid(second(toHex(der(derTag.oid, fromHex(hex)))));

  it('have arcs up to 32 bits', () => {
    expect(oid('2a8fffffff7f')).toBe('1.2.4294967295');
    expect(() => oid('2a9080808000')).toThrow(/too large/);
  });

  it('may have zero groups inside an arc and none before it', () => {
    expect(oid('2a818001')).toBe('1.2.16385');
    expect(() => oid('8001')).toThrow(/not minimal/);
    expect(() => oid('2a8001')).toThrow(/not minimal/);
  });

  it('end with an arc', () => {
    expect(() => oid('')).toThrow(/truncated/);
    expect(() => oid('2a81')).toThrow(/truncated/);
  });
});
