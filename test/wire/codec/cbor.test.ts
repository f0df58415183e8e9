import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Decoder, Encoder } from 'cbor-x/index-no-eval';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import {
  type CborMap,
  type CborProfile,
  type CborValue,
  decodeCbor,
  encodeCbor,
  strictCbor,
} from '../../../wire/codec/cbor.ts';
import { limits } from '../../../wire/limits.ts';
import { arbitraryCbor } from './arbitrary.ts';
import { codeOf, refusalOf } from './support.ts';

const strict = strictCbor(100_000);
const lenient: CborProfile = { maxBytes: 100_000, maps: 'definite-or-indefinite', order: 'any' };

function decodeHex(hex: string, profile = strict): CborValue {
  return decodeCbor(fromHex(hex), profile);
}

function map(...entries: readonly (readonly [string | number | bigint, CborValue])[]): CborMap {
  return new Map(entries);
}

const nested = (depth: number): string => `${'81'.repeat(depth)}00`;

describe('the examples of RFC 8949, appendix A, that this profile admits', () => {
  const examples: readonly (readonly [CborValue, string])[] = [
    [0, '00'],
    [1, '01'],
    [10, '0a'],
    [23, '17'],
    [24, '1818'],
    [25, '1819'],
    [100, '1864'],
    [1000, '1903e8'],
    [1000000, '1a000f4240'],
    [1000000000000, '1b000000e8d4a51000'],
    [18446744073709551615n, '1bffffffffffffffff'],
    [-18446744073709551616n, '3bffffffffffffffff'],
    [-1, '20'],
    [-10, '29'],
    [-100, '3863'],
    [-1000, '3903e7'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    [new Uint8Array(), '40'],
    [Uint8Array.of(1, 2, 3, 4), '4401020304'],
    ['', '60'],
    ['a', '6161'],
    ['IETF', '6449455446'],
    ['"\\', '62225c'],
    ['ü', '62c3bc'],
    ['水', '63e6b0b4'],
    ['𐅑', '64f0908591'],
    [[], '80'],
    [[1, 2, 3], '83010203'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [Array.from({ length: 25 }, (_, index) => index + 1), '98190102030405060708090a0b0c0d0e0f101112131415161718181819'],
    [map(), 'a0'],
    [map([1, 2], [3, 4]), 'a201020304'],
    [map(['a', 1], ['b', [2, 3]]), 'a26161016162820203'],
    [['a', map(['b', 'c'])], '826161a161626163'],
  ];

  it.each(examples.map(([value, hex]) => [hex, value] as const))('%s', (hex, value) => {
    expect(toHex(encodeCbor(value))).toBe(hex);
    expect(decodeHex(hex)).toEqual(value);
  });
});

describe('integers', () => {
  const edges = [8, 16, 32, 53, 63, 64].flatMap((bits) => [2n ** BigInt(bits) - 1n, 2n ** BigInt(bits)]);

  it.each([...edges.slice(0, -1), 23n, 24n].flatMap((edge) => [edge, -edge - 1n, -edge]))(
    '%s keeps its value',
    (edge) => {
      const back = decodeCbor(encodeCbor(edge), strict);
      expect(BigInt(back as number)).toBe(edge);
      // One value has one form in JavaScript: a number exactly when it is safe.
      expect(typeof back).toBe(Number.isSafeInteger(Number(edge)) ? 'number' : 'bigint');
    },
  );

  it('are narrowed as keys and inside containers', () => {
    const value = map([2 ** 40, [2 ** 41, map([-(2 ** 42), 2n ** 60n])]]);
    expect(decodeCbor(encodeCbor(value), strict)).toEqual(value);
  });
});

describe('a refusal', () => {
  it.each([
    ['an empty document', '', 'truncated', 0],
    ['a cut head', '19ff', 'truncated', 2],
    ['a cut head inside a list', '82001901', 'truncated', 4],
    ['a cut string', '44010203', 'truncated', 0],
    ['a list of 2^32 - 1 items', '9affffffff', 'truncated', 0],
    ['a list of 2^64 - 1 items', '9bffffffffffffffff', 'truncated', 0],
    ['a map that needs more bytes than follow', 'a2010203', 'truncated', 0],
    ['a second document', '0000', 'trailing_bytes', 1],
    ['a byte after a map', 'a000', 'trailing_bytes', 1],
    ['an 8-bit head for 23', '1817', 'cbor_not_minimal', 0],
    ['a 16-bit head for 255', '1900ff', 'cbor_not_minimal', 0],
    ['a 32-bit head for 65535', '1a0000ffff', 'cbor_not_minimal', 0],
    ['a 64-bit head for 2^32 - 1', '1b00000000ffffffff', 'cbor_not_minimal', 0],
    ['a long negative head', '3800', 'cbor_not_minimal', 0],
    ['a long length of bytes', '5800', 'cbor_not_minimal', 0],
    ['a long length of text', '780161', 'cbor_not_minimal', 0],
    ['a long count of a list', '980100', 'cbor_not_minimal', 0],
    ['a long count of a map', 'b800', 'cbor_not_minimal', 0],
    ['reserved additional information', '1c', 'cbor_malformed', 0],
    ['an indefinite integer', '1f', 'cbor_malformed', 0],
    ['a break on its own', 'ff', 'cbor_malformed', 0],
    ['a break inside a list', '81ff', 'cbor_malformed', 1],
    ['an indefinite byte string', '5f4100ff', 'cbor_indefinite', 0],
    ['an indefinite text', '7f6161ff', 'cbor_indefinite', 0],
    ['an indefinite list', '9f00ff', 'cbor_indefinite', 0],
    ['an indefinite map', 'bf6161f6ff', 'cbor_indefinite', 0],
    ['tag 1', 'c100', 'cbor_tag', 0],
    ['tag 18', 'd28443a10126a04100', 'cbor_tag', 0],
    ['tag 28, a cycle', 'd81c81d81d00', 'cbor_tag', 0],
    ['tag 258', 'd9010280', 'cbor_tag', 0],
    ['a tag inside', '8200c100', 'cbor_tag', 2],
    ['undefined', 'f7', 'cbor_type', 0],
    ['a half float', 'f93c00', 'cbor_type', 0],
    ['a float', 'fa47c35000', 'cbor_type', 0],
    ['a double', 'fb3ff199999999999a', 'cbor_type', 0],
    ['an unassigned simple value', 'e0', 'cbor_type', 0],
    ['a simple value of two bytes', 'f8ff', 'cbor_type', 0],
    ['a byte string as key', 'a14100f6', 'cbor_type', 1],
    ['a list as key, even one that ends in an integer', 'a18100f6', 'cbor_type', 1],
    ['null as key', 'a1f6f6', 'cbor_type', 1],
    ['an overlong encoding', '62c080', 'cbor_utf8', 1],
    ['an overlong encoding of three bytes', '63e08080', 'cbor_utf8', 1],
    ['an overlong encoding of four bytes', '64f0808080', 'cbor_utf8', 1],
    ['an encoded surrogate', '63eda080', 'cbor_utf8', 1],
    ['a code point above U+10FFFF', '64f4908080', 'cbor_utf8', 1],
    ['a cut sequence', '62e6b0', 'cbor_utf8', 1],
    ['a sequence that would end in the next item', '8262e6b080', 'cbor_utf8', 2],
    ['a lone continuation', '6180', 'cbor_utf8', 1],
    ['a byte order mark', '63efbbbf', 'cbor_utf8', 1],
    ['a key twice', 'a2616101616102', 'cbor_duplicate_key', 4],
    ['keys out of order', 'a2616201616102', 'cbor_key_order', 4],
    ['a longer key before a shorter', 'a262616101616202', 'cbor_key_order', 5],
    ['a negative key before a positive', 'a220010102', 'cbor_key_order', 3],
    ['nesting of 17', nested(17), 'cbor_depth', 16],
    ['nesting of 20,000', nested(20_000), 'cbor_depth', 16],
  ] as const)('of %s names code and offset', (_, hex, code, offset) => {
    expect(refusalOf(() => decodeHex(hex))).toEqual({ code, place: { offset } });
  });

  it('of nested maps counts depth the same way', () => {
    expect(codeOf(() => decodeHex(`${'a100'.repeat(17)}00`))).toBe('cbor_depth');
    expect(codeOf(() => decodeHex(`${'a100'.repeat(16)}00`))).toBe('accepted');
    expect(codeOf(() => decodeHex(nested(16)))).toBe('accepted');
  });

  it('of too many bytes or items comes before any work on them', () => {
    expect(codeOf(() => decodeCbor(new Uint8Array(101), strictCbor(100)))).toBe('too_large');
    const bytes = encodeCbor(new Uint8Array(98));
    expect(codeOf(() => decodeCbor(bytes, strictCbor(bytes.length)))).toBe('accepted');
    expect(codeOf(() => decodeCbor(bytes, strictCbor(bytes.length - 1)))).toBe('too_large');
    const items = (count: number) => concatBytes(Uint8Array.of(0x99, count >> 8, count & 0xff), new Uint8Array(count));
    expect(codeOf(() => decodeCbor(items(limits.cborItems - 1), strict))).toBe('accepted');
    expect(codeOf(() => decodeCbor(items(limits.cborItems), strict))).toBe('cbor_items');
  });
});

it('text that only resembles a byte order mark is read', () => {
  for (const text of ['\u1eff', '\uf03f', '\ufec0', 'a\ufeff']) {
    expect(decodeCbor(encodeCbor(text), strict)).toBe(text);
  }
});

describe('the lenient profile', () => {
  it('reads indefinite maps and any order of keys, at every level', () => {
    expect(decodeHex('bf6162016161bf0102ffff', lenient)).toEqual(map(['b', 1], ['a', map([1, 2])]));
    expect(decodeHex('bfff', lenient)).toEqual(map());
  });

  it.each([
    ['bf6161016162016161f6ff', 'cbor_duplicate_key', 7],
    ['a3616101616201616102', 'cbor_duplicate_key', 7],
    ['bf6161ff', 'cbor_malformed', 3],
    ['bf616100', 'truncated', 4],
    ['bf6161', 'truncated', 3],
    ['bf', 'truncated', 1],
    ['9f00ff', 'cbor_indefinite', 0],
    ['5f4100ff', 'cbor_indefinite', 0],
    ['bfffff', 'trailing_bytes', 2],
    ['81ff', 'cbor_malformed', 1],
  ] as const)('still refuses %s', (hex, code, offset) => {
    expect(refusalOf(() => decodeHex(hex, lenient))).toEqual({ code, place: { offset } });
  });

  it('finds twins among many keys without comparing all pairs', () => {
    const keys = Array.from({ length: 8_000 }, (_, index) => encodeCbor((index * 7_919) % 8_000));
    const entries = keys.flatMap((key) => [key, Uint8Array.of(0)]);
    const document = concatBytes(Uint8Array.of(0xbf), ...entries, Uint8Array.of(0xff));
    expect((decodeCbor(document, lenient) as CborMap).size).toBe(8_000);
    const twin = concatBytes(Uint8Array.of(0xbf), ...entries, encodeCbor(4_242), Uint8Array.of(0, 0xff));
    expect(codeOf(() => decodeCbor(twin, lenient))).toBe('cbor_duplicate_key');
  });
});

describe('what cbor-x does behind the scan', () => {
  it('is refused before it happens: the faults exist in this version', () => {
    const naive = new Decoder({ mapsAsObjects: false, useRecords: false });
    const faults = ['a2616101616102', '1817', '61ff', 'bf6161f6ff', 'c100'];
    for (const hex of faults) {
      expect(() => naive.decode(fromHex(hex)) as unknown).not.toThrow();
      expect(codeOf(() => decodeHex(hex))).not.toBe('accepted');
    }
  });

  it('cannot merge two keys by dropping a byte order mark', () => {
    const name = 'k'.repeat(70);
    const head = (bytes: number) => Uint8Array.of(0x78, bytes);
    const plain = concatBytes(head(70), new TextEncoder().encode(name));
    const marked = concatBytes(head(73), Uint8Array.of(0xef, 0xbb, 0xbf), new TextEncoder().encode(name));
    const document = concatBytes(Uint8Array.of(0xa2), plain, Uint8Array.of(1), marked, Uint8Array.of(2));
    const naive = new Decoder({ mapsAsObjects: false, useRecords: false }).decode(document) as Map<string, number>;
    expect(naive.size).toBe(1);
    expect(codeOf(() => decodeCbor(document, strict))).toBe('cbor_utf8');
  });

  it('leaves nothing on the input, and byte strings are plain copies', () => {
    const input = Buffer.from('8243010203a16161420405', 'hex');
    const value = decodeCbor(input, strict) as readonly [Uint8Array, CborMap];
    expect(Object.keys(input).filter((key) => Number.isNaN(Number(key)))).toEqual([]);
    input.fill(0);
    expect(value).toEqual([Uint8Array.of(1, 2, 3), map(['a', Uint8Array.of(4, 5)])]);
    expect(value[0].constructor).toBe(Uint8Array);
    expect(value[0].buffer.byteLength).toBe(3);
  });

  it('forgets the document', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const decodeOnce = () => {
      const document = encodeCbor(['secret', new Uint8Array(100_000)]);
      decodeCbor(document, strictCbor(200_000));
      return new WeakRef(document.buffer);
    };
    const document = decodeOnce();
    // A WeakRef holds its target until the current task ends.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(document.deref()).toBeUndefined();
  });

  it('reads a document that is a view into a larger buffer', () => {
    const buffer = fromHex('ffff8301616102ffff');
    expect(decodeCbor(buffer.subarray(2, 7), strict)).toEqual([1, 'a', 2]);
  });
});

describe('encodeCbor', () => {
  it('sorts keys bytewise by their encoding', () => {
    const shuffled = map(['aa', 1], [-1, 2], ['b', 3], [24, 4], [10, 5], [-25, 6], ['', 7], [2 ** 33, 8]);
    const sorted = [10, 24, 2 ** 33, -1, -25, '', 'b', 'aa'];
    const encoded = encodeCbor(shuffled);
    expect([...(decodeCbor(encoded, strict) as CborMap).keys()]).toEqual(sorted);
  });

  it.each([
    ['a fraction', 0.5, 'cbor_type'],
    ['minus zero', -0, 'cbor_type'],
    ['NaN', Number.NaN, 'cbor_type'],
    ['a number that is not exact', 2 ** 53, 'cbor_type'],
    ['undefined', undefined, 'cbor_type'],
    ['a plain object', {}, 'cbor_type'],
    ['a date', new Date(0), 'cbor_type'],
    ['a hole', new Array(1), 'cbor_type'],
    ['a null key', new Map([[null, 1]]), 'cbor_type'],
    ['a byte key', new Map([[Uint8Array.of(1), 1]]), 'cbor_type'],
    ['2^64', 2n ** 64n, 'integer_out_of_range'],
    ['-2^64 - 1', -(2n ** 64n) - 1n, 'integer_out_of_range'],
    ['a lone surrogate', '\udc00', 'cbor_utf8'],
    ['a byte order mark', '\ufeffa', 'cbor_utf8'],
    [
      'one key in two forms',
      new Map<unknown, number>([
        [1, 1],
        [1n, 2],
      ]),
      'cbor_duplicate_key',
    ],
    ['too many items', new Array(limits.cborItems).fill(0), 'cbor_items'],
    [
      'a map of too many keys and values',
      new Map(Array.from({ length: limits.cborItems / 2 }, (_, i) => [i, 0])),
      'cbor_items',
    ],
  ])('refuses %s', (_, value, code) => {
    expect(codeOf(() => encodeCbor(value as CborValue))).toBe(code);
  });

  it('writes as many items as are read again', () => {
    const list = new Array<number>(limits.cborItems - 1).fill(0);
    const keys = new Map(Array.from({ length: limits.cborItems / 2 - 1 }, (_, i) => [i, 0]));
    for (const value of [list, keys]) expect(decodeCbor(encodeCbor(value), strict)).toEqual(value);
  });

  it('writes a zero of either type as zero', () => {
    expect(toHex(encodeCbor(0n))).toBe('00');
    expect(toHex(encodeCbor(0))).toBe('00');
  });

  it('refuses maps nested deeper than what is read', () => {
    const nestedMap = (depth: number): CborValue => (depth === 0 ? 0 : map([0, nestedMap(depth - 1)]));
    expect(codeOf(() => encodeCbor(nestedMap(16)))).toBe('accepted');
    expect(codeOf(() => encodeCbor(nestedMap(17)))).toBe('cbor_depth');
  });

  it('refuses deep and cyclic values', () => {
    const cycle: CborValue[] = [];
    cycle.push(cycle);
    expect(codeOf(() => encodeCbor(cycle))).toBe('cbor_depth');
    expect(toHex(encodeCbor(decodeHex(nested(16))))).toBe(nested(16));
  });
});

describe('for every value', () => {
  it('decoding undoes encoding, and the bytes are the only ones that the strict profile accepts', () => {
    fc.assert(
      fc.property(arbitraryCbor, (value) => {
        const encoded = encodeCbor(value);
        expect(decodeCbor(encoded, strict)).toEqual(value);
        expect(decodeCbor(encoded, lenient)).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('an independent encoder is understood once its maps are sorted', () => {
    const other = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false });
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.uint8Array())), (value) => {
        expect(decodeCbor(new Uint8Array(other.encode(value)), strict)).toEqual(value);
        expect(toHex(encodeCbor(value))).toBe(toHex(new Uint8Array(other.encode(value))));
      }),
    );
  });

  it('text survives, whichever of the three readers inside cbor-x it meets', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 90 }), fc.nat({ max: 200 }), (text, filler) => {
        fc.pre(!text.startsWith('\ufeff'));
        const value = [text, 'x'.repeat(filler), text];
        expect(decodeCbor(encodeCbor(value), strict)).toEqual(value);
      }),
    );
  });
});

describe('a damaged document', () => {
  const document = encodeCbor(
    map(
      ['module', 'i-0123456789abcdef0-enc'],
      ['pcrs', map([0, new Uint8Array(48)], [1, new Uint8Array(48).fill(1)])],
      ['list', [1, -1, 300, -300, 70_000, 2 ** 40, 2n ** 63n, true, false, null, ['ü水𐅑', []]]],
      ['time', 1_766_650_846_577],
    ),
  );

  it('is refused at every truncation', () => {
    for (let length = 0; length < document.length; length++) {
      expect(codeOf(() => decodeCbor(document.subarray(0, length), strict))).toBe('truncated');
    }
  });

  it('is refused or means exactly its own bytes, after every change of a bit of every byte', () => {
    for (let at = 0; at < document.length; at++) {
      for (const bits of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = document.slice();
        damaged[at] = (damaged[at] as number) ^ bits;
        codeOf(() => decodeCbor(damaged, lenient));
        if (codeOf(() => decodeCbor(damaged, strict)) !== 'accepted') continue;
        expect(toHex(encodeCbor(decodeCbor(damaged, strict)))).toBe(toHex(damaged));
      }
    }
  });
});
