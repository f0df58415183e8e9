import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreed, atLeast } from '../../../host/settlement/quorum.ts';

const nodes = fc.integer({ min: 1, max: 8 });
const amounts = fc.array(fc.bigInt({ min: 0n, max: 10n ** 30n }), { minLength: 0, maxLength: 8 });

describe('a quorum', () => {
  it('is told no more than an honest node says, by fewer liars than its size', () => {
    fc.assert(
      fc.property(nodes, amounts, fc.bigInt({ min: 0n, max: 10n ** 20n }), (quorum, lies, truth) => {
        const liars = lies.slice(0, quorum - 1);
        const honest = Array.from({ length: quorum }, () => truth);
        expect(atLeast([...liars, ...honest], quorum)).toBeGreaterThanOrEqual(truth < 0n ? 0n : truth);
        expect(atLeast([...liars, ...honest], quorum)).toBeLessThanOrEqual(truth);
      }),
    );
  });

  it('is nothing where too few answer or agree', () => {
    expect(() => atLeast([5n], 2)).toThrow(expect.objectContaining({ code: 'chain_unavailable' }) as Error);
    expect(() => agreed([{ a: 1n }, { a: 2n }], 2)).toThrow(
      expect.objectContaining({ code: 'chain_unavailable' }) as Error,
    );
    expect(agreed([{ a: 1n }, { a: 2n }, { a: 2n }], 2)).toEqual({ a: 2n });
  });
});
