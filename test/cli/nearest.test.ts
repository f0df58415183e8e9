import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../cli/nearest.ts';

const known = ['audit', 'infer', 'chat', 'configuration', 'kms'];

describe('what somebody meant', () => {
  it.each([
    ['adit', 'audit'],
    ['auditt', 'audit'],
    ['aduit', 'audit'],
    ['inferr', 'infer'],
    ['configruation', 'configuration'],
    ['km', 'kms'],
    ['AUDIT', 'audit'],
  ])('%s is %s', (word, meant) => {
    expect(nearest(word, known)).toBe(meant);
  });

  it.each(['', 'frobnicate', 'x', 'toString', '__proto__', 'a'.repeat(100_000)])(
    'is not guessed of "%.20s"',
    (word) => {
      expect(nearest(word, known)).toBeUndefined();
      expect(didYouMean(word, known)).toBe('');
    },
  );

  it('is the nearest of several', () => {
    expect(nearest('chart', ['cart', 'charts', 'chat', 'start'])).toBe('cart');
    expect(nearest('char', ['start', 'chart'])).toBe('chart');
  });
});
