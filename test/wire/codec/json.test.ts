import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { codeOf, refusalOf } from './support.ts';

const MAX = 4_000_000;

function parse(text: string): JsonValue {
  return parseJson(utf8(text), MAX);
}

describe('parseJson', () => {
  it.each([
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1.5e-7',
    '1E+2',
    '9007199254740991',
    '-9007199254740991',
    '1e308',
    '""',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u20aC"',
    '"\\ud83d\\ude00 😀 \u007f"',
    '"\\ud7ff\\ue000\\uffff"',
    '[9007199254740991,-9007199254740991,1]',
    '[]',
    '[ ]',
    '{}',
    '{ }',
    ' \t\r\n[ 1 , [ 2 ] , { "a" : null , "b":[{}] } ] ',
    '{"a":1,"A":2,"":3,"é":4,"e\u0301":5}',
    '[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('keeps the sign of zero, and reads fractions that have integer values', () => {
    expect(Object.is(parse('-0'), -0)).toBe(true);
    expect(parse('[1.0, 1e2, 18014398509481984.0]')).toEqual([1, 100, 2 ** 54]);
  });

  it('keeps __proto__ and constructor as plain names', () => {
    const value = parse('{"__proto__":{"polluted":1},"constructor":2}') as { [key: string]: JsonValue };
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('a refusal', () => {
  it.each([
    ['nothing', '', 'json_malformed', 0],
    ['only space', '  ', 'json_malformed', 2],
    ['a second value', '1 2', 'json_malformed', 2],
    ['a trailing comma in a list', '[1,]', 'json_malformed', 3],
    ['a trailing comma in an object', '{"a":1,}', 'json_malformed', 7],
    ['a missing comma', '[1 2]', 'json_malformed', 3],
    ['a missing comma between members', '{"a":1 "b":2}', 'json_malformed', 7],
    ['a missing colon', '{"a" 1}', 'json_malformed', 5],
    ['a name without quotes', '{a:1}', 'json_malformed', 1],
    ['single quotes', "['a']", 'json_malformed', 1],
    ['an open list', '[1', 'json_malformed', 2],
    ['an open object', '{"a":1', 'json_malformed', 6],
    ['an open string', '"abc', 'json_malformed', 4],
    ['a wrong bracket', '[1}', 'json_malformed', 2],
    ['a misspelt word', 'nul', 'json_malformed', 0],
    ['a longer word', 'nulll', 'json_malformed', 4],
    ['NaN', 'NaN', 'json_malformed', 0],
    ['Infinity', '-Infinity', 'json_malformed', 0],
    ['a leading zero', '01', 'json_malformed', 0],
    ['a leading plus', '+1', 'json_malformed', 0],
    ['a leading point', '.5', 'json_malformed', 0],
    ['a trailing point', '1.', 'json_malformed', 2],
    ['an exponent without digits', '1e+', 'json_malformed', 3],
    ['hex', '0x10', 'json_malformed', 1],
    ['a raw control character', '"a\u0000"', 'json_malformed', 2],
    ['the last raw control character', '"a\u001f"', 'json_malformed', 2],
    ['a raw newline in a string', '"a\n"', 'json_malformed', 2],
    ['an unknown escape', '"\\x41"', 'json_malformed', 1],
    ['a short escape', '"\\u12"', 'json_malformed', 1],
    ['an escape at the end', '"\\', 'json_malformed', 1],
    ...['/', ':', '@', 'G', '`', 'g', ' '].map(
      (digit) => [`an escape with the digit ${digit}`, `"\\u00${digit}0"`, 'json_malformed', 1] as const,
    ),
    ['the last lone surrogate', '"\\udfff"', 'json_surrogate', 1],
    ['another kind of space', '\u00a01', 'json_malformed', 0],
    ['a comment', '1//', 'json_malformed', 1],
    ['a byte order mark', '\ufeff1', 'json_malformed', 0],
    ['a name twice', '{"a":1,"a":1}', 'json_duplicate_key', 7],
    ['a name twice, once escaped', '{"a":1,"\\u0061":1}', 'json_duplicate_key', 7],
    ['a name twice, deep', '[{"b":{"a":1,"c":2,"a":1}}]', 'json_duplicate_key', 19],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', 'json_duplicate_key', 15],
    ['2^53', '9007199254740992', 'json_number', 0],
    ['2^53 + 1', '[1,9007199254740993]', 'json_number', 3],
    ['-2^53', '-9007199254740992', 'json_number', 0],
    ['17 digits', '10000000000000000', 'json_number', 0],
    ['infinity in disguise', '1e400', 'json_number', 0],
    ['infinity written out', `1${'0'.repeat(309)}.0`, 'json_number', 0],
    ['a lone high surrogate', '"\\ud800"', 'json_surrogate', 1],
    ['a lone low surrogate', '"a\\udc00"', 'json_surrogate', 2],
    ['two high surrogates', '"\\ud800\\ud800"', 'json_surrogate', 1],
    ['two low surrogates', '"\\udc00\\udc00"', 'json_surrogate', 1],
    ['halves in reverse', '"\\ude00\\ud83d"', 'json_surrogate', 1],
    ['a lone surrogate in a name', '{"\\ud800":1}', 'json_surrogate', 2],
    ['lists nested 17 deep', '['.repeat(17), 'json_depth', 16],
    ['objects nested 17 deep', '{"a":'.repeat(17), 'json_depth', 80],
    ['40,000 lists', '['.repeat(40_000), 'json_depth', 16],
  ] as const)('of %s names code and offset', (_, text, code, offset) => {
    expect(refusalOf(() => parse(text))).toEqual({ code, place: { offset } });
  });

  it('counts bytes, not characters, in its offset', () => {
    expect(refusalOf(() => parse('["水😀",x]'))).toEqual({ code: 'json_malformed', place: { offset: 11 } });
  });

  it.each([
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22], 1],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    ['a cut sequence', [0x22, 0x61, 0xe6, 0xb0], 2],
    ['UTF-16', [0xff, 0xfe, 0x31, 0x00], 0],
  ])('of %s is about UTF-8', (_, bytes, offset) => {
    expect(refusalOf(() => parseJson(Uint8Array.from(bytes), MAX))).toEqual({ code: 'json_utf8', place: { offset } });
  });

  it('of too many bytes comes first', () => {
    expect(codeOf(() => parseJson(utf8('[1]'), 2))).toBe('too_large');
    expect(codeOf(() => parseJson(utf8('[1]'), 3))).toBe('accepted');
  });

  it.each(['[1,2,3]', '{"a":1,"b":{"c":2}}', '[[[null]]]'])('of too many values is not read on: %s', (text) => {
    const read = (maxValues: number) => codeOf(() => parseJson(utf8(text), { maxBytes: MAX, maxValues }));
    expect([read(3), read(4)]).toEqual(['too_large', 'accepted']);
    expect(codeOf(() => parseJson(utf8(text.repeat(9)), { maxBytes: MAX, maxValues: 3 }))).toBe('too_large');
  });
});

describe('for every input', () => {
  it('text that JSON.stringify wrote is read back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, depthSize: 'small' }), (value) => {
        const text = JSON.stringify(value);
        if (codeOf(() => parse(text)) === 'json_number') return;
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('malformed text is what JSON.parse calls malformed, neither more nor less', () => {
    const characters = fc.constantFrom(...'{}[],:"\\u0a1-+.eE ntf\n'.split(''), 'null', 'true', '"a"', '\\ud83d', '12');
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const code = codeOf(() => parse(text));
        const judged = codeOf(() => {
          try {
            JSON.parse(text);
          } catch {
            parse('x');
          }
        });
        if (judged === 'json_malformed') expect(code).not.toBe('accepted');
        else expect(code).not.toBe('json_malformed');
      }),
      { numRuns: 3_000 },
    );
  });

  it('every truncation of a document is refused', () => {
    const bytes = utf8('{"a":[1,-2.5e3,"\\u00e9水",true,false,null],"b":{"c":[]}}');
    expect(codeOf(() => parseJson(bytes, MAX))).toBe('accepted');
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => parseJson(bytes.subarray(0, length), MAX))).not.toBe('accepted');
    }
  });
});

describe('a body of many numbers', () => {
  it('is read at a speed that a hot path bears', () => {
    const numbers = Array.from({ length: 110_000 }, (_, index) => Math.sin(index).toFixed(7)).join(',');
    const bytes = concatBytes(utf8('{"data":['), utf8(numbers), utf8(']}'));
    expect(bytes.length).toBeGreaterThan(1_000_000);
    const started = process.cpuUsage();
    parseJson(bytes, MAX);
    const { user } = process.cpuUsage(started);
    // Measured at about 15 ms; the bound, in the time of this process alone, only catches another order of growth.
    expect(user / 1000).toBeLessThan(10_000);
  });
});
