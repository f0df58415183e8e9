import { describe, expect, it } from 'vitest';
import {
  array,
  boolean,
  bytes,
  decimal,
  hexBytes,
  integer,
  object,
  type Reader,
  record,
  text,
  uint,
} from '../../../wire/codec/fields.ts';
import { WireError, type WireErrorPlace } from '../../../wire/errors.ts';

const bounds = { min: 1, max: 4 };

const readers: readonly (readonly [expected: string, reader: Reader<unknown>])[] = [
  ['text', text(bounds)],
  ['an integer', integer(bounds)],
  ['an integer', uint(8)],
  ['decimal text', decimal(8)],
  ['bytes', bytes(bounds)],
  ['hex text', hexBytes(bounds)],
  ['a list', array(boolean(), bounds)],
  ['true or false', boolean()],
  ['an object', object({})],
  ['an object', record(/[a-z]/, boolean(), bounds)],
];

const values: readonly (readonly [found: string, value: unknown])[] = [
  ['null', null],
  ['undefined', undefined],
  ['text', ''],
  ['a list', []],
  ['bytes', new Uint8Array()],
  ['a map', new Map()],
  ['object', {}],
  ['a fraction', 1.5],
  ['number', 7],
  ['boolean', false],
];

/** What a reader takes at all, whatever it then says about length or content. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  text: ['text'],
  'an integer': ['number'],
  'decimal text': ['text'],
  bytes: ['bytes'],
  'hex text': ['text'],
  'a list': ['a list'],
  'true or false': ['boolean'],
  'an object': ['a map', 'object'],
};

function refusalOf(
  reader: Reader<unknown>,
  value: unknown,
): { readonly message: string; readonly place: WireErrorPlace } {
  try {
    reader(value, 'root');
  } catch (error) {
    if (error instanceof WireError) return { message: error.message, place: error.place };
    throw error;
  }
  return { message: 'accepted', place: {} };
}

describe('a value of another kind', () => {
  const cases = readers.flatMap(([expected, reader]) =>
    values
      .filter(([found]) => OWN[expected]?.includes(found) !== true)
      .map(([found, value]) => [expected, found, reader, value] as const),
  );

  it.each(cases)('%s is expected where %s is found', (expected, found, reader, value) => {
    expect(refusalOf(reader, value)).toEqual({
      message: `field_invalid: expected ${expected}, got ${found} in root`,
      place: { field: 'root' },
    });
  });
});

describe('a count out of bounds', () => {
  it('is told with the bounds, and with one number where they are one', () => {
    expect(refusalOf(text(bounds), 'abcde').message).toContain('expected 1 to 4 bytes, got 5');
    expect(refusalOf(text(bounds), '').message).toContain('expected 1 to 4 bytes, got 0');
    expect(refusalOf(bytes(2), new Uint8Array(3)).message).toContain('expected 2 bytes, got 3');
    expect(refusalOf(array(boolean(), bounds), []).message).toContain('expected 1 to 4 items, got 0');
    expect(refusalOf(record(/[a-z]/, boolean(), bounds), {}).message).toContain('expected 1 to 4 entries, got 0');
  });

  it('counts the bytes of a text, not its characters', () => {
    expect(text(bounds)('éé', 'root')).toBe('éé');
    expect(refusalOf(text(bounds), 'ééé').message).toContain('got 6');
  });
});

describe('a name of the sender', () => {
  it('is text even where a number would match', () => {
    expect(refusalOf(record(/[0-9]/, boolean(), bounds), new Map([[5, true]])).place).toEqual({ field: 'root.5' });
    expect(refusalOf(object({ '5': boolean() }), new Map([[5, true]])).place).toEqual({ field: 'root.5' });
  });
});
