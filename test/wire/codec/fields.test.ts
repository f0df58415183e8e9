import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import {
  array,
  base64urlBytes,
  boolean,
  bytes,
  decimal,
  either,
  hexBytes,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  optional,
  type Reader,
  record,
  text,
  uint,
} from '../../../wire/codec/fields.ts';
import { parseJson } from '../../../wire/codec/json.ts';
import { codeOf, refusalOf } from './support.ts';

interface Point {
  readonly x: number;
  readonly label: string;
}

const point: Reader<Point> = object<Point>({ x: integer({ min: 0, max: 9 }), label: text({ min: 1, max: 4 }) });

function refused<T>(reader: Reader<T>, value: unknown): string {
  const refusal = refusalOf(() => reader(value, 'root'));
  return refusal === 'accepted' ? refusal : `${refusal.code} ${refusal.place.field}`;
}

describe('object', () => {
  it('reads a JSON object and a CBOR map with the same shape', () => {
    const expected = { x: 1, label: 'a' };
    expect(point({ label: 'a', x: 1 }, '')).toEqual(expected);
    expect(
      point(
        new Map<string, unknown>([
          ['x', 1],
          ['label', 'a'],
        ]),
        '',
      ),
    ).toEqual(expected);
  });

  it.each([
    ['a missing field', { x: 1 }, 'field_missing root.label'],
    ['an unknown field', { x: 1, label: 'a', extra: 1 }, 'field_unknown root.extra'],
    ['a wrong type', { x: '1', label: 'a' }, 'field_invalid root.x'],
    ['a list', [1, 'a'], 'field_invalid root'],
    ['bytes', new Uint8Array(2), 'field_invalid root'],
    ['null', null, 'field_invalid root'],
    ['an integer key', new Map<unknown, unknown>([[1, 1]]), 'field_unknown root.1'],
  ])('refuses %s', (_, value, expected) => {
    expect(refused(point, value)).toBe(expected);
  });

  it('takes no field from a prototype', () => {
    const reader = object<{ readonly constructor: string }>({ constructor: text({ min: 0, max: 9 }) });
    expect(refused(reader, {})).toBe('field_missing root.constructor');
    expect(refused(point, Object.create({ x: 1, label: 'a' }))).toBe('field_missing root.x');
  });

  it('treats __proto__ as the unknown field that it is', () => {
    const value = parseJson(utf8('{"x":1,"label":"a","__proto__":{"x":2}}'), 100);
    expect(refused(point, value)).toBe('field_unknown root.__proto__');
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('quotes and cuts names that a stranger chose', () => {
    expect(refused(point, { 'a\nb': 1 })).toBe('field_unknown root["a\\nb"]');
    expect(refused(point, { ['n'.repeat(500)]: 1 })).toBe(`field_unknown root["${'n'.repeat(64)}"]`);
  });

  it('names nested places', () => {
    const nested = object<{ readonly points: readonly Point[] }>({ points: array(point, { min: 0, max: 3 }) });
    const value = {
      points: [
        { x: 1, label: 'a' },
        { x: 10, label: 'b' },
      ],
    };
    expect(refused(nested, value)).toBe('field_invalid root.points[1].x');
    const atRoot = refusalOf(() => nested(value, ''));
    expect(atRoot).toMatchObject({ place: { field: 'points[1].x' } });
  });
});

describe('optional', () => {
  const reader = object<{ readonly id: string | null }>({ id: optional(text({ min: 1, max: 9 })) });

  it('reads an absent field as null and checks a present one', () => {
    expect(reader({}, '')).toEqual({ id: null });
    expect(reader({ id: 'a' }, '')).toEqual({ id: 'a' });
    expect(refused(reader, { id: null })).toBe('field_invalid root.id');
    expect(refused(reader, { id: undefined })).toBe('field_invalid root.id');
  });
});

describe('collections', () => {
  it('bounds lists', () => {
    const reader = array(integer({ min: 0, max: 9 }), { min: 1, max: 2 });
    expect(reader([1, 2], '')).toEqual([1, 2]);
    expect([[], [1, 2, 3], new Map(), 'ab', { length: 1 }].map((value) => refused(reader, value))).toEqual(
      Array(5).fill('field_invalid root'),
    );
  });

  it('refuses holes', () => {
    expect(refused(array(integer({ min: 0, max: 9 }), { min: 0, max: 2 }), new Array(1))).toBe('field_invalid root[0]');
  });

  it('reads records by whole names', () => {
    const reader = record(/[a-z]+/, integer({ min: 0, max: 9 }), { min: 1, max: 2 });
    expect(reader({ a: 1, bc: 2 }, '')).toEqual(
      new Map([
        ['a', 1],
        ['bc', 2],
      ]),
    );
    expect(refused(reader, { a1: 1 })).toBe('field_invalid root.a1');
    expect(refused(reader, new Map([[1, 1]]))).toBe('field_invalid root.1');
    expect(refused(reader, {})).toBe('field_invalid root');
    expect(refused(reader, { a: 1, b: 2, c: 3 })).toBe('field_invalid root');
    expect(refused(reader, { a: -1 })).toBe('field_invalid root.a');
  });
});

describe('text', () => {
  it('counts UTF-8 bytes', () => {
    const reader = text({ min: 2, max: 3 });
    expect(reader('é', '')).toBe('é');
    expect(['a', 'éé', '', 'abcd', 1, null].map((value) => codeOf(() => reader(value, '')))).toEqual(
      Array(6).fill('field_invalid'),
    );
  });

  it('matches a pattern with the whole text, whatever its flags', () => {
    const reader = text({ min: 0, max: 99, pattern: /[a-z]+/gm });
    expect([reader('abc', ''), reader('abc', '')]).toEqual(['abc', 'abc']);
    expect(codeOf(() => reader('abc\n', ''))).toBe('field_invalid');
    expect(codeOf(() => reader('abc\n123', ''))).toBe('field_invalid');
  });

  it('refuses lone surrogates', () => {
    expect(codeOf(() => text({ min: 0, max: 9 })('\ud800', ''))).toBe('field_invalid');
    expect(text({ min: 0, max: 9 })('\ud83d\ude00', '')).toBe('😀');
  });
});

describe('integers', () => {
  it('reads exact integers within bounds', () => {
    const reader = integer({ min: -1, max: 5 });
    expect([-1, 0, 5].map((value) => reader(value, ''))).toEqual([-1, 0, 5]);
    for (const value of [-2, 6, 0.5, -0, Number.NaN, 1n, '1', null]) {
      expect(codeOf(() => reader(value, ''))).toBe('field_invalid');
    }
  });

  it('reads unsigned integers from CBOR, and no text', () => {
    const reader = uint(64);
    expect([0, 2 ** 53 - 1, 2n ** 64n - 1n].map((value) => reader(value, ''))).toEqual([
      0n,
      2n ** 53n - 1n,
      2n ** 64n - 1n,
    ]);
    for (const value of [-1, -0, 2n ** 64n, 2 ** 53, 0.5, '1', null]) {
      expect(codeOf(() => reader(value, ''))).toBe('field_invalid');
    }
  });

  it('reads unsigned integers from JSON text of one spelling', () => {
    const reader = decimal(16);
    expect(['0', '65535'].map((value) => reader(value, ''))).toEqual([0n, 65535n]);
    for (const value of ['65536', '00', '01', '-1', '+1', '1.0', '1e2', '0x1', ' 1', '', '1n', 1, 1n, null]) {
      expect(codeOf(() => reader(value, ''))).toBe('field_invalid');
    }
    expect(codeOf(() => decimal(64)('9'.repeat(100_000), ''))).toBe('field_invalid');
  });
});

describe('bytes', () => {
  it('reads CBOR byte strings of an exact length or within bounds', () => {
    expect(bytes(2)(Uint8Array.of(1, 2), '')).toEqual(Uint8Array.of(1, 2));
    expect(bytes({ min: 0, max: 2 })(Uint8Array.of(), '')).toEqual(Uint8Array.of());
    for (const value of [Uint8Array.of(1), Uint8Array.of(1, 2, 3), '0102', [1, 2], null]) {
      expect(codeOf(() => bytes(2)(value, ''))).toBe('field_invalid');
    }
  });

  it('reads hex and base64url of one spelling', () => {
    expect(hexBytes(2)('00ff', '')).toEqual(Uint8Array.of(0, 255));
    expect(base64urlBytes({ min: 1, max: 3 })('AP8', '')).toEqual(Uint8Array.of(0, 255));
    for (const value of ['00FF', '0x00', '00f', '00ff00', 'zzzz', Uint8Array.of(0, 255)]) {
      expect(codeOf(() => hexBytes(2)(value, ''))).toBe('field_invalid');
    }
    for (const value of ['AP8=', 'AP9', 'A', 'AP/_', 'AAAAA', '', 1]) {
      expect(codeOf(() => base64urlBytes({ min: 1, max: 3 })(value, ''))).toBe('field_invalid');
    }
  });
});

describe('choices', () => {
  it('reads literals without coercion', () => {
    expect(literal(1)(1, '')).toBe(1);
    expect(literal(null)(null, '')).toBe(null);
    for (const value of ['1', true, 1n, -1, null]) expect(codeOf(() => literal(1)(value, ''))).toBe('field_invalid');
    expect(codeOf(() => literal(0)(-0, ''))).toBe('field_invalid');
  });

  it('reads one of some words', () => {
    const reader = oneOf(['a', 'b']);
    expect(reader('b', '')).toBe('b');
    for (const value of ['c', 0, '0', 'length', null]) expect(codeOf(() => reader(value, ''))).toBe('field_invalid');
  });

  it('reads booleans and nothing like them', () => {
    expect(boolean()(false, '')).toBe(false);
    for (const value of [0, 1, 'true', null]) expect(codeOf(() => boolean()(value, ''))).toBe('field_invalid');
  });

  it('reads null where a field may be null', () => {
    expect(nullable(boolean())(null, '')).toBe(null);
    expect(nullable(boolean())(true, '')).toBe(true);
    expect(codeOf(() => nullable(boolean())(undefined, ''))).toBe('field_invalid');
  });

  it('tries two forms and names why neither fits', () => {
    const reader = either(integer({ min: 0, max: 9 }), literal('any'));
    expect([reader(3, ''), reader('any', '')]).toEqual([3, 'any']);
    expect(() => reader('all', 'limit')).toThrow(/integer.*"any"/);
    expect(refused(reader, 'all')).toBe('field_invalid root');
  });

  it('lets programming errors through', () => {
    const broken: Reader<string> = () => {
      throw new TypeError('a bug');
    };
    expect(() => either(broken, boolean())(true, '')).toThrow(TypeError);
    expect(() => either(boolean(), broken)(1, '')).toThrow(TypeError);
  });
});
