import { describe, expect, it } from 'vitest';
import {
  type DerElement,
  derBitStringBytes,
  derBoolean,
  derCount,
  derCursor,
  derInteger,
  derNamedBits,
  derNull,
  derOid,
  derTime,
  derUnsigned,
} from '../../../verifier/codec/der.ts';
import { fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { der } from '../../support/der-writer.ts';

function element(hex: string): DerElement {
  const cursor = derCursor(fromHex(hex));
  const only = cursor.readAny();
  cursor.end();
  return only;
}

const timeOf = (tag: number, text: string): number => derTime(element(toHex(der(tag, utf8(text)))));

describe('DER lengths', () => {
  const zeros = (count: number): string => '00'.repeat(count);

  it.each([
    ['an empty input', '', 'truncated'],
    ['a tag alone', '04', 'truncated'],
    ['an indefinite length', '30800000', 'indefinite length'],
    ['a long form below 128', `04817f${zeros(127)}`, 'not minimal'],
    ['two length bytes below 256', `048200ff${zeros(255)}`, 'not minimal'],
    ['three length bytes', `0483010000${zeros(65_536)}`, 'more than two bytes'],
    ['a missing length byte', '0482ff', 'truncated'],
    ['more than there is', '0402aa', 'longer than its container'],
    ['a tag of several bytes', '1f00', 'tags of several bytes'],
    ['a trailing byte', '0401aabb', 'trailing bytes'],
  ])('refuses %s', (_, hex, detail) => {
    expect(() => element(hex)).toThrow(new RegExp(`^der_invalid: .*${detail}`));
  });

  it('reads short and long forms', () => {
    expect(element('0401aa').contents).toEqual(Uint8Array.of(0xaa));
    expect(element(toHex(der(0x04, new Uint8Array(200)))).contents).toHaveLength(200);
    expect(element(toHex(der(0x04, new Uint8Array(2000)))).contents).toHaveLength(2000);
  });

  it('refuses another tag than asked for, and names the byte', () => {
    const cursor = derCursor(fromHex('0401aa0500'), 100);
    cursor.read(0x04);
    expect(() => cursor.read(0x02)).toThrow(/expected tag 0x02, got 0x05 at byte 103/);
    expect(cursor.readOptional(0x02)).toBeUndefined();
  });
});

describe('DER values', () => {
  it.each([
    ['BOOLEAN 01', '010101', derBoolean],
    ['BOOLEAN of two bytes', '0102ffff', derBoolean],
    ['an empty BOOLEAN', '0100', derBoolean],
    ['an empty INTEGER', '0200', derInteger],
    ['INTEGER 00 7f', '0202007f', derInteger],
    ['INTEGER ff 80', '0202ff80', derInteger],
    ['a negative INTEGER where none can be', '0201ff', derUnsigned],
    ['a count beyond two bytes', '0203010000', derCount],
    ['a BIT STRING with unused bits', '03020780', derBitStringBytes],
    ['an empty BIT STRING', '0300', derBitStringBytes],
    ['a bit list with a trailing zero bit', '03020680', derNamedBits],
    ['a bit list with set unused bits', '030201ff', derNamedBits],
    ['a bit list of eight unused bits', '0303080100', derNamedBits],
    ['a bit list of nine unused bits', '0303090200', derNamedBits],
    ['a bit list without bits', '030100', derNamedBits],
    ['an empty OBJECT IDENTIFIER', '0600', derOid],
    ['an OBJECT IDENTIFIER that ends in the middle', '06022a86', derOid],
    ['an OBJECT IDENTIFIER with a padded arc', '06032a8001', derOid],
    ['an OBJECT IDENTIFIER with a giant arc', '06072affffffffff7f', derOid],
    ['NULL with contents', '050100', derNull],
  ])('refuses %s', (_, hex, read) => {
    expect(() => read(element(hex))).toThrow(/^der_invalid/);
  });

  it('reads what is written in the one right way', () => {
    expect(derBoolean(element('0101ff'))).toBe(true);
    expect(derBoolean(element('010100'))).toBe(false);
    expect(derUnsigned(element('020200ff'))).toEqual(Uint8Array.of(0xff));
    expect(derUnsigned(element('020100'))).toEqual(Uint8Array.of(0));
    expect(derCount(element('02020100'))).toBe(256);
    expect(derOid(element('06082a8648ce3d040303'))).toBe('1.2.840.10045.4.3.3');
    expect(derOid(element('0603883703'))).toBe('2.999.3');
    expect(derNamedBits(element('03020780'))).toEqual([true, false, false, false, false, false, false, false]);
  });
});

describe('DER times', () => {
  it.each([
    ['30 February', 0x17, '300230120000Z'],
    ['29 February of a common year', 0x17, '290229120000Z'],
    ['month 13', 0x17, '301301120000Z'],
    ['hour 24', 0x17, '300101240000Z'],
    ['second 60', 0x17, '300101120060Z'],
    ['no zone', 0x17, '300101120000'],
    ['an offset', 0x17, '300101120000+0000'],
    ['no seconds', 0x17, '3001011200Z'],
    ['a fraction', 0x18, '20500101120000.5Z'],
    ['a GeneralizedTime before 2050', 0x18, '20491231235959Z'],
    ['letters', 0x17, '3001011200xxZ'],
  ])('refuses %s', (_, tag, text) => {
    expect(() => timeOf(tag, text)).toThrow(/^certificate_time/);
  });

  it('reads both forms, on both sides of their borders', () => {
    expect(timeOf(0x17, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
    expect(timeOf(0x17, '500101000000Z')).toBe(Date.UTC(1950, 0, 1));
    expect(timeOf(0x17, '280229120000Z')).toBe(Date.UTC(2028, 1, 29, 12));
    expect(timeOf(0x18, '99991231235959Z')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
  });
});
