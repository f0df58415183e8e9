import { beforeEach, describe, expect, it, vi } from 'vitest';
import { answerIn, rowBody } from '../../../cli/levels/question.ts';
import { refusedAs } from '../../../cli/levels/settled.ts';
import type { Attempt, LocalChain } from '../../../contracts/deploy/index.ts';

const met = vi.hoisted(() => ({ name: 'none' }));

vi.mock('../../../contracts/deploy/index.ts', () => ({ refusalOf: async () => met.name }));

const local = {} as LocalChain;
const attempt = {} as Attempt;
const expected = { code: 'ResultNotVerified', block: 'latest' } as const;

beforeEach(() => {
  met.name = 'none';
});

describe('what a demo shows as refused', () => {
  it('was refused, by that name', async () => {
    met.name = 'ResultNotVerified';
    expect(await refusedAs(local, 'another output', attempt, expected)).toEqual({
      what: 'another output',
      code: 'ResultNotVerified',
    });
  });

  it('is a fault where the chain takes it, or refuses it for something else', async () => {
    for (const name of ['none', 'EscrowNotOpen']) {
      met.name = name;
      await expect(refusedAs(local, 'another output', attempt, expected)).rejects.toThrow(
        `another output: ${name} instead of ResultNotVerified`,
      );
    }
  });
});

describe('an answer', () => {
  it('is one number, and nothing else is read as one', () => {
    expect(answerIn(rowBody([-7n]))).toBe(-7n);
    expect(() => answerIn(rowBody([1n, 2n]))).toThrow('no single number');
  });
});
