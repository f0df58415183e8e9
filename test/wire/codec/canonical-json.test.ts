import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, utf8 } from '../../../wire/bytes.ts';
import { canonicalJson, type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { codeOf } from './support.ts';

function canonical(value: unknown): string {
  return new TextDecoder().decode(canonicalJson(value as JsonValue));
}

function double(hex: string): number {
  return new DataView(fromHex(hex).buffer).getFloat64(0);
}

describe('RFC 8785', () => {
  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('appendix B: %s is written %s', (hex, text) => {
    expect(canonical(double(hex))).toBe(text);
  });

  it.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('appendix B: %s is an error', (hex) => {
    expect(codeOf(() => canonicalJson(double(hex)))).toBe('json_number');
  });

  it('section 3.2.2: literals, strings and numbers', () => {
    const source = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    expect(canonical(parseJson(utf8(source), 1_000))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('section 3.2.3: names sort by UTF-16 units', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(canonical(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  it('escapes only what must be escaped, in the short form where there is one', () => {
    expect(canonical('\b\t\n\f\r"\\/\u0000\u001f\u007f\u2028é')).toBe(
      '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\u007f\u2028é"',
    );
  });

  it('does not normalise text: composed and decomposed names are two', () => {
    expect(canonical({ '\u00e9': 1, 'e\u0301': 2 })).toBe('{"e\u0301":2,"\u00e9":1}');
  });
});

describe('canonicalJson', () => {
  it('writes empty and nested values without space', () => {
    expect(canonical({ b: [], a: {}, c: [{ z: null, y: [[-0]] }] })).toBe('{"a":{},"b":[],"c":[{"y":[[0]],"z":null}]}');
  });

  it('writes __proto__ as the name that it is', () => {
    expect(canonical(parseJson(utf8('{"b":1,"__proto__":[2]}'), 100))).toBe('{"__proto__":[2],"b":1}');
  });

  it.each([
    ['a lone surrogate', '\ud800', 'json_surrogate'],
    ['a lone surrogate in a name', { '\udc00': 1 }, 'json_surrogate'],
    ['NaN inside', [{ a: Number.NaN }], 'json_number'],
    ['undefined', undefined, 'json_malformed'],
    ['an undefined member', { a: undefined }, 'json_malformed'],
    ['a hole', new Array(1), 'json_malformed'],
    ['a bigint', 1n, 'json_malformed'],
    ['a map', new Map(), 'json_malformed'],
    ['bytes', new Uint8Array(1), 'json_malformed'],
    ['an object with toJSON of its own kind', new Date(0), 'json_malformed'],
    ['a function', () => 1, 'json_malformed'],
  ])('refuses %s', (_, value, code) => {
    expect(codeOf(() => canonicalJson(value as JsonValue))).toBe(code);
  });

  it('refuses what parseJson would call too deep, and cycles with it', () => {
    const nest = (depth: number): JsonValue => (depth === 0 ? 1 : [nest(depth - 1)]);
    expect(codeOf(() => parseJson(canonicalJson(nest(16)), 1_000))).toBe('accepted');
    expect(codeOf(() => canonicalJson(nest(17)))).toBe('json_depth');
    const cycle: JsonValue[] = [];
    cycle.push(cycle);
    expect(codeOf(() => canonicalJson(cycle))).toBe('json_depth');
  });

  it('is a fixed point, and the order of members does not matter', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, depthSize: 'small' }), (value) => {
        const text = canonical(value);
        expect(canonical(JSON.parse(text))).toBe(text);
        expect(canonical(reversed(value as JsonValue))).toBe(text);
      }),
    );
  });
});

function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

it('writes objects without a prototype, and refuses objects nested deeper than what is read', () => {
  expect(canonical(Object.assign(Object.create(null), { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
  const nested = (depth: number): JsonValue => (depth === 0 ? 0 : { a: nested(depth - 1) });
  expect(codeOf(() => canonicalJson(nested(16)))).toBe('accepted');
  expect(codeOf(() => canonicalJson(nested(17)))).toBe('json_depth');
});
