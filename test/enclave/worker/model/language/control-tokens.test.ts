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
});

describe('a disguise', () => {
  const disguise = createDisguise(new Set(['<|end|>', '¶', '🙂x', 'qu']));

  it.each([
    ['a <|end|> b', 'a \ufdd0003c|end|> b'],
    ['<|end|><|end|>', '\ufdd0003c|end|>\ufdd0003c|end|>'],
    ['a < b', 'a \ufdd0003c b'],
    ['a <|en ', 'a \ufdd0003c|en '],
    ['a¶', 'a\ufdd000b6'],
    ['🙂x', '\ufdd0d83d\ude42x'],
    ['Q q', '\ufdd00051 \ufdd00071'],
    [' |> b', ' \ufdd0007c> b'],
    ['> text', '\ufdd0003e text'],
    ['END', '\ufdd00045ND'],
    [' end\n', ' \ufdd00065nd\n'],
  ])('is put on %j', (content, expected) => {
    expect(disguise(content, MARK)).toBe(expected);
  });

  it.each(['', ' ', 'hello', 'the end', 'a > b', ' the |end|>', 'İ'])('is not put on %j', (content) => {
    expect(disguise(content, MARK)).toBeNull();
  });

  it('comes off again', () => {
    const fragment = fc.constantFrom(
      '<|end|>',
      '<|',
      'end',
      '|>',
      '¶',
      '🙂',
      'x',
      ' ',
      '\n',
      'İ',
      '003c',
      '<|END|>',
      'Q',
    );
    fc.assert(
      fc.property(fc.array(fragment), (parts) => {
        const content = parts.join('');
        expect(undisguise(disguise(content, MARK) ?? content, MARK)).toBe(content);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps its places where lower case changes the length of a text', () => {
    expect(disguise('İ <|END|>', MARK)).toBe('İ \ufdd0003c|END|>');
    expect(disguise('İ Q', MARK)).toBe('İ \ufdd00051');
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
