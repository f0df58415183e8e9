import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawIndexes, sampleSeed } from '../../../cli/auditor/sample.ts';
import { word } from '../../support/findings.ts';

describe('a sample', () => {
  it('is of different leaves of the tree, and the same for whoever draws again', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(200),
        fc.integer({ min: 1, max: 64 }),
        (seed, size, samples) => {
          const drawn = drawIndexes(seed, size, samples);
          expect(drawn).toHaveLength(Math.min(size, samples));
          expect(new Set(drawn).size).toBe(drawn.length);
          expect(drawn.every((index) => index >= 0 && index < size)).toBe(true);
          expect(drawIndexes(seed, size, samples)).toEqual(drawn);
          // A larger sample begins with the smaller one.
          expect(drawIndexes(seed, size, samples + 1).slice(0, drawn.length)).toEqual(drawn);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each(['log', 'size', 'root', 'link'] as const)('is another one by another %s', (name) => {
    const fields = { log: word(1), size: 1_000, root: word(2), link: word(3) };
    const other = sampleSeed({ ...fields, [name]: name === 'size' ? 1_001 : word(9) });
    expect(drawIndexes(other, 1_000, 8)).not.toEqual(drawIndexes(sampleSeed(fields), 1_000, 8));
  });
});
