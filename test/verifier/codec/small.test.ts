import { describe, expect, it } from 'vitest';
import { decodeEvidenceCbor } from '../../../verifier/codec/evidence-cbor.ts';
import { parsePem } from '../../../verifier/codec/pem.ts';
import { productOfCpu, type SnpProduct } from '../../../verifier/codec/snp-product.ts';
import { isTcbAtMost, readTcb, tcbLayout } from '../../../verifier/codec/snp-tcb.ts';
import { utcTime } from '../../../verifier/codec/time.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { strictCbor } from '../../../wire/codec/cbor.ts';
import { limits } from '../../../wire/limits.ts';

describe('the product of a CPU (AMD 57230)', () => {
  it.each<[number, number, SnpProduct | undefined]>([
    [0x19, 0x00, 'Milan'],
    [0x19, 0x0f, 'Milan'],
    [0x19, 0x10, 'Genoa'],
    [0x19, 0x1f, 'Genoa'],
    [0x19, 0x20, undefined],
    [0x19, 0x9f, undefined],
    [0x19, 0xa0, 'Genoa'],
    [0x19, 0xaf, 'Genoa'],
    [0x19, 0xb0, undefined],
    [0x1a, 0x00, 'Turin'],
    [0x1a, 0x11, 'Turin'],
    [0x1a, 0x12, undefined],
    [0x18, 0x01, undefined],
    [0x1b, 0x01, undefined],
  ])('family %i, model %i is %s', (family, model, product) => {
    expect(productOfCpu({ family, model, stepping: 0 })).toBe(product);
  });
});

describe('a TCB version (AMD 56860 section 2.2)', () => {
  const raw = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

  it.each<[SnpProduct, object]>([
    ['Milan', { fmc: null, bootloader: 1, tee: 2, snp: 7, microcode: 8 }],
    ['Genoa', { fmc: null, bootloader: 1, tee: 2, snp: 7, microcode: 8 }],
    ['Turin', { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 8 }],
  ])('of %s has its components in their places', (product, components) => {
    expect(readTcb(raw, product)).toEqual(components);
  });

  it('names each of its eight bytes once', () => {
    for (const product of ['Milan', 'Turin'] as const) expect(new Set(tcbLayout(product)).size).toBe(8);
    expect(tcbLayout('Milan').slice(2, 6)).toEqual(['spl4', 'spl5', 'spl6', 'spl7']);
    expect(tcbLayout('Turin').slice(4, 7)).toEqual(['spl5', 'spl6', 'spl7']);
  });

  it('is at most another one when no component is ahead of it', () => {
    expect(isTcbAtMost(raw, raw)).toBe(true);
    for (let index = 0; index < 8; index++) {
      const level = raw[index] as number;
      expect(isTcbAtMost(raw, raw.with(index, level + 1))).toBe(true);
      expect(isTcbAtMost(raw, new Uint8Array(8).fill(255).with(index, level - 1))).toBe(false);
    }
  });
});

describe('a moment of the calendar', () => {
  it.each<[readonly [number, number, number, number, number, number], boolean]>([
    [[2024, 2, 29, 0, 0, 0], true],
    [[2025, 2, 29, 0, 0, 0], false],
    [[2025, 12, 31, 23, 59, 59], true],
    [[2025, 13, 1, 0, 0, 0], false],
    [[2025, 0, 1, 0, 0, 0], false],
    [[2025, 1, 0, 0, 0, 0], false],
    [[2025, 1, 32, 0, 0, 0], false],
    [[2025, 1, 1, 24, 0, 0], false],
    [[2025, 1, 1, 0, 60, 0], false],
    [[2025, 1, 1, 0, 0, 60], false],
    [[99, 1, 1, 0, 0, 0], false],
  ])('%j exists: %s', (fields, exists) => {
    expect(utcTime(...fields)).toBe(exists ? Date.UTC(fields[0], fields[1] - 1, ...fields.slice(2)) : undefined);
  });
});

describe('a PEM file', () => {
  const block = (label: string, body: string): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
  const parse = (text: string) => parsePem(utf8(text));
  const refused = expect.objectContaining({ code: 'pem_invalid', checkId: 'X1' });

  it('gives its blocks in their order, and passes over what stands between them', () => {
    const text = `comment\n${block('CERTIFICATE', 'AQI=')}more\n${block('X509 CRL', 'Aw==')}${block('CERTIFICATE', 'BAUG\nBwgJ')}`;
    expect(parse(text)).toEqual({
      certificates: [Uint8Array.of(1, 2), Uint8Array.of(4, 5, 6, 7, 8, 9)],
      revocationLists: [Uint8Array.of(3)],
    });
    expect(parse(text.replaceAll('\n', '\r\n'))).toEqual(parse(text));
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['comments alone', 'a comment\n'],
    ['a private key', block('PRIVATE KEY', 'AQI=')],
    ['a block without contents', block('CERTIFICATE', '')],
    ['padding without contents', block('CERTIFICATE', '====')],
    ['contents without padding', block('CERTIFICATE', 'AQI')],
    ['three signs of padding', block('CERTIFICATE', 'A===')],
    ['padding in the middle', block('CERTIFICATE', 'AQI=AQI=')],
    ['bits after the contents', block('CERTIFICATE', 'AQJ=')],
    ['an end of another label', '-----BEGIN CERTIFICATE-----\nAQI=\n-----END X509 CRL-----\n'],
    ['a block that does not end', `${block('CERTIFICATE', 'AQI=')}-----BEGIN CERTIFICATE-----\nAQI=\n`],
    ['an end that has no begin', `${block('CERTIFICATE', 'AQI=')}-----END CERTIFICATE-----\n`],
    ['a character that is no digit', block('CERTIFICATE', 'AQ*=')],
    ['a digit of another alphabet', block('CERTIFICATE', 'A-_=')],
    ['something behind a boundary', '-----BEGIN CERTIFICATE-----\nAQI=\n-----END CERTIFICATE----- x\n'],
  ])('is refused with %s', (_, text) => {
    expect(() => parse(text)).toThrow(refused);
  });

  it('reads a comment that mentions a boundary inside its line', () => {
    expect(parse(`see -----BEGIN below\n${block('CERTIFICATE', 'AQI=')}`).certificates).toHaveLength(1);
  });

  it('ends at its limits of bytes and blocks', () => {
    const most = block('CERTIFICATE', 'AQI=').repeat(limits.snpTableEntries);
    expect(parse(most).certificates).toHaveLength(limits.snpTableEntries);
    expect(() => parse(most + block('CERTIFICATE', 'AQI='))).toThrow(refused);
    const full = block('CERTIFICATE', 'AQI=').padStart(limits.snpTableBytes, '\n');
    expect(parse(full).certificates).toHaveLength(1);
    expect(() => parse(`\n${full}`)).toThrow(refused);
  });
});

describe('CBOR of evidence', () => {
  const refusalOf = (bytes: readonly number[], base?: number): unknown => {
    try {
      decodeEvidenceCbor(Uint8Array.from(bytes), strictCbor(100), 'N1', base);
      return 'accepted';
    } catch (error) {
      return error;
    }
  };

  it.each<[string, readonly number[], string, number]>([
    ['a syntax error by the check that reads it', [0x82, 0x00, 0xff], 'N1', 2],
    ['nesting', [...new Array<number>(17).fill(0x81), 0], 'X2', 16],
    ['bytes after the end', [0, 0], 'X3', 1],
    ['a key twice', [0xa2, 1, 0, 1, 0], 'X4', 3],
  ])('names %s', (_, bytes, checkId, offset) => {
    expect(refusalOf(bytes)).toMatchObject({ code: 'cbor_invalid', place: { checkId, offset } });
    expect(refusalOf(bytes, 50)).toMatchObject({ code: 'cbor_invalid', place: { checkId, offset: 50 + offset } });
  });

  it('names no place where there is none', () => {
    const tooLong = new Array<number>(101).fill(0);
    expect(refusalOf(tooLong, 5)).toMatchObject({ code: 'cbor_invalid' });
    expect((refusalOf(tooLong, 5) as { place: object }).place).toEqual({ checkId: 'N1' });
    expect(refusalOf([0x00])).toBe('accepted');
  });
});
