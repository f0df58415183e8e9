import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demandMultiple, demandNonzero, quotientOffset, reduce } from '../../contracts/generate/p384/arithmetic.ts';
import { boundsOfRuns, describeBounds, RUN_LIMITS } from '../../contracts/generate/p384/bounds.ts';
import { runCode } from '../../contracts/generate/p384/code.ts';
import { add, decode, type Integer, integer, multiply, subtract } from '../../contracts/generate/p384/integers.ts';
import { BoundError, interval, within } from '../../contracts/generate/p384/interval.ts';
import {
  evaluate,
  exactDifference,
  exactSum,
  given,
  literal,
  residueDifference,
  shiftLeft,
} from '../../contracts/generate/p384/words.ts';
import { FIELD_PRIME, GROUP_ORDER, invert, MODULI, modulo, PIVOT, RADIX } from '../../contracts/prover/p384/field.ts';
import { runs } from '../support/runs.ts';

const M = MODULI[1];

describe('what the generator refuses to write', () => {
  it('a sum that could wrap', () => {
    const big = given('a', interval(0n, 2n ** 255n));
    expect(() => exactSum(big, big)).toThrow(BoundError);
    expect(() => exactSum(big, literal(2n ** 255n - 1n))).not.toThrow();
    expect(() => shiftLeft(1, big)).toThrow(BoundError);
    const residue = given('r', interval(0n, M - 1n));
    const sixtyFour = Array.from({ length: 63 }).reduce<typeof residue>((sum) => exactSum(sum, residue), residue);
    expect(sixtyFour.range.max).toBeLessThan(2n ** 256n);
    expect(() => exactSum(sixtyFour, given('x', interval(0n, 2n ** 250n * 64n - 1n)))).toThrow(BoundError);
  });

  it('a difference that could be negative, unless a multiple of the modulus makes up for it', () => {
    const [a, b] = [given('a', interval(0n, M)), given('b', interval(0n, 2n * M))];
    expect(() => exactDifference(a, b)).toThrow(BoundError);
    const difference = residueDifference(a, b, M);
    expect(difference.range.min).toBeGreaterThanOrEqual(0n);
    expect(evaluate(difference, (name) => (name === 'a' ? 1n : 2n * M)) % M).toBe(1n);
  });

  const sized = (size: bigint): Integer => integer(within(size), (channel) => given(`n${channel}`, interval(0n, M)));

  it('a reduction of more than it is exact for', () => {
    expect(() => reduce(sized(FIELD_PRIME * RADIX), 1n)).not.toThrow();
    expect(() => reduce(sized(FIELD_PRIME * RADIX + 1n), 1n)).toThrow(BoundError);
    expect(() => reduce(sized(FIELD_PRIME * RADIX), 2n)).toThrow(BoundError);
  });

  it('a test of more than its quotients reach, or of less than zero', () => {
    const lifted = (size: bigint): Integer => add(sized(size), quotientOffset(FIELD_PRIME));
    expect(() => demandMultiple(lifted(2n ** 499n * FIELD_PRIME), FIELD_PRIME)).toThrow(BoundError);
    expect(() => demandMultiple(lifted(2n ** 498n * FIELD_PRIME), FIELD_PRIME)).not.toThrow();
    expect(() => demandMultiple(sized(1n), FIELD_PRIME)).toThrow(BoundError);
    expect(() => demandNonzero(sized(2n ** 100n * FIELD_PRIME))).toThrow(BoundError);
  });
});

describe('the bounds of runs', () => {
  it.each([
    { what: 'seventy doublings in a step', limits: { ...RUN_LIMITS, doublingsPerStep: 70 } },
    { what: 'sixty doublings behind 2,000 additions', limits: { digits: 2_000, positions: 1, doublingsPerStep: 60 } },
  ])('refuse $what', ({ limits }) => {
    expect(() => boundsOfRuns(limits)).toThrow(BoundError);
  });

  it('let scalars pass n where positions go as high as its bits', () => {
    expect(boundsOfRuns({ ...RUN_LIMITS, digits: 10, positions: 400 }).scalar.max).toBeGreaterThan(GROUP_ORDER);
  });

  it('are what docs/p384.md prints', () => {
    const printed = describeBounds(boundsOfRuns(RUN_LIMITS)).map(({ what, bits }) => `| ${what} | ${bits} |`);
    const text = readFileSync(new URL('../../docs/p384.md', import.meta.url), 'utf8');
    for (const line of printed) expect(text).toContain(line);
  });

  it('scalars are shorter than n, so that one that is not zero is invertible', () => {
    expect(boundsOfRuns(RUN_LIMITS).scalar.max).toBeLessThan(GROUP_ORDER);
  });
});

describe('the residues', () => {
  it('have coprime moduli, coprime to p and n', () => {
    const all = [...MODULI, FIELD_PRIME, GROUP_ORDER];
    for (const [index, a] of all.entries())
      for (const b of all.slice(index + 1)) expect(() => invert(a, b)).not.toThrow();
    expect([MODULI[1] + 2n, MODULI[3] + 4n]).toEqual([PIVOT, PIVOT]);
  });

  const numbers = fc.bigInt({ min: -(2n ** 800n), max: 2n ** 800n });
  const residues = (value: bigint): [bigint, bigint, bigint, bigint] => [
    modulo(value, MODULI[0]),
    modulo(value, MODULI[1]),
    modulo(value, MODULI[2]),
    modulo(value, MODULI[3]),
  ];
  const variable = integer(within(2n ** 800n), (channel) =>
    given(`n${channel}`, interval(0n, channel === 0 ? 2n ** 256n - 1n : MODULI[channel])),
  );
  const state = (value: bigint): Map<string, bigint> => {
    const map = new Map([['bad', 0n]]);
    residues(value).forEach((residue, channel) => {
      map.set(`n${channel}`, residue);
    });
    return map;
  };

  it('are reduced to the one integer that Montgomery promises', () => {
    const { code, value } = reduce(variable, 3n);
    fc.assert(
      fc.property(numbers, (number) => {
        const run = state(number);
        runCode(code, run);
        const read = (name: string): bigint => run.get(name) ?? 0n;
        const words = value.words.map((word, channel) => modulo(evaluate(word, read), MODULI[channel] ?? 1n));
        const result = decode(words as [bigint, bigint, bigint, bigint]);
        expect(result).toBeGreaterThanOrEqual(value.range.min);
        expect(result).toBeLessThanOrEqual(value.range.max);
        expect(modulo(result * RADIX - 3n * number, FIELD_PRIME)).toBe(0n);
      }),
      { numRuns: runs(200) },
    );
  });

  it('show multiples of p and of n, and nothing else', () => {
    for (const prime of [FIELD_PRIME, GROUP_ORDER]) {
      const code = demandMultiple(add(variable, quotientOffset(prime)), prime);
      const says = (number: bigint): boolean => {
        const run = state(number);
        runCode(code, run);
        return run.get('bad') === 0n;
      };
      fc.assert(
        fc.property(numbers, fc.bigInt({ min: -8n, max: 8n }), (number, near) => {
          const multiple = number - modulo(number, prime);
          if (multiple > -(2n ** 800n)) expect(says(multiple)).toBe(true);
          if (near !== 0n && multiple > -(2n ** 799n)) expect(says(multiple + near)).toBe(false);
          expect(says(number)).toBe(modulo(number, prime) === 0n);
        }),
        { numRuns: runs(100) },
      );
    }
  });

  it('are added, subtracted and multiplied as integers are', () => {
    const small = within(2n ** 390n);
    const named = (name: string): Integer =>
      integer(small, (channel) =>
        given(`${name}${channel}`, interval(0n, channel === 0 ? 2n ** 256n - 1n : MODULI[channel])),
      );
    const [a, b] = [named('a'), named('b')];
    const short = fc.bigInt({ min: -(2n ** 390n), max: 2n ** 390n });
    fc.assert(
      fc.property(short, short, (x, y) => {
        const values = new Map<string, bigint>();
        residues(x).forEach((word, channel) => {
          values.set(`a${channel}`, word);
        });
        residues(y).forEach((word, channel) => {
          values.set(`b${channel}`, word);
        });
        const value = (tree: Integer): bigint =>
          decode(
            tree.words.map((word, channel) =>
              modulo(
                evaluate(word, (name) => values.get(name) ?? 0n),
                MODULI[channel] ?? 1n,
              ),
            ) as [bigint, bigint, bigint, bigint],
          );
        expect(value(add(a, b))).toBe(x + y);
        expect(value(subtract(a, b))).toBe(x - y);
        expect(value(multiply(a, b))).toBe(x * y);
      }),
      { numRuns: runs(200) },
    );
  });
});
