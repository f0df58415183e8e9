import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDisguise,
  createMatcher,
  undisguise,
  unusedMark,
} from '../../../../../enclave/worker/model/language/control-tokens.ts';

const MARK = '\ufdd0';

describe('a matcher', () => {
  const matcher = createMatcher(['ab', 'abcd', 'b', '🙂']);

  it('finds the longest that begins at a place', () => {
    expect(matcher.longestAt('abcd', 0)).toBe('abcd');
    expect(matcher.longestAt('abcx', 0)).toBe('ab');
    expect(matcher.longestAt('abcd', 1)).toBe('b');
    expect(matcher.longestAt('x🙂', 1)).toBe('🙂');
    expect(matcher.longestAt('abcd', 2)).toBeNull();
    expect(matcher.longestAt('', 0)).toBeNull();
  });

  it('tells what is cut off by an end from what is not there', () => {
    const long = createMatcher(['abcd']);
    expect(long.beginsAt('abcd', 0, [])).toBe(true);
    expect(long.beginsAt('abc', 0, [3])).toBe(true);
    expect(long.beginsAt('abc ', 0, [3, 4])).toBe(true);
    expect(long.beginsAt('abx', 0, [3])).toBe(false);
    expect(long.beginsAt('bcd', 0, [3])).toBe(false);
  });
});

describe('a disguise', () => {
  const disguise = createDisguise(new Set(['<|end|>', '¶', '🙂x']));

  it.each([
    ['a <|end|> b', 'a \ufdd0003c|end|> b'],
    ['<|end|><|end|>', '\ufdd0003c|end|>\ufdd0003c|end|>'],
    ['<|END|>', '\ufdd0003c|END|>'],
    ['a¶', 'a\ufdd000b6'],
    ['🙂x', '\ufdd0d83d\ude42x'],
    ['a <|en ', 'a \ufdd0003c|en '],
    [' |> b', ' \ufdd0007c> b'],
    ['> quote', '\ufdd0003e quote'],
    ['end', '\ufdd00065nd'],
  ])('is put on %j', (content, expected) => {
    expect(disguise(content, MARK)).toBe(expected);
  });

  it.each(['', ' ', 'hello', 'a < b', 'the end', '<|end', 'x <|en| y', 'a > b', '🙂', 'İ'])(
    'is not put on %j unless it touches a border',
    (content) => {
      expect(disguise(`.${content}.`, MARK)).toBeNull();
    },
  );

  it('comes off again', () => {
    const fragment = fc.constantFrom('<|end|>', '<|', 'end', '|>', '¶', '🙂', 'x', ' ', '\n', 'İ', '003c', '<|END|>');
    fc.assert(
      fc.property(fc.array(fragment), (parts) => {
        const content = parts.join('');
        expect(undisguise(disguise(content, MARK) ?? content, MARK)).toBe(content);
      }),
      { numRuns: 500 },
    );
  });

  it('is put on every beginning, also of those that overlap', () => {
    const overlapping = createDisguise(new Set(['aba', 'bab']));
    expect(overlapping('.ababa.', MARK)).toBe('.\ufdd00061\ufdd00062\ufdd00061ba.');
  });

  it('leaves a text alone whose length the lower case changes, but for what it spells', () => {
    expect(disguise('İ <|end|>', MARK)).toBe('İ \ufdd0003c|end|>');
  });
});

describe('a mark', () => {
  it('is in none of the texts', () => {
    expect(unusedMark([])).toBe('\ufdd0');
    expect(unusedMark(['a\ufdd0', '\ufdd1\ufdd3'])).toBe('\ufdd2');
    const all = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i));
    expect(unusedMark(all)).toBeNull();
  });
});
