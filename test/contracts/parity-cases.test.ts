import { describe, expect, it } from 'vitest';
import type { Sort } from '../parity/change.ts';
import { forgottenChecks } from '../parity/coverage.ts';
import { nitroCase, nitroChanges, nitroRound } from '../parity/nitro/index.ts';
import { snpCase, snpChanges, snpRound } from '../parity/snp/index.ts';
import { nitroInTypeScript, snpInTypeScript } from '../parity/typescript.ts';
import type { Verdict } from '../parity/verdict.ts';

/** The cases that contracts and TypeScript are compared by are what they say they are: this needs no contract. */
interface Judged {
  readonly id: string;
  readonly sort: Sort;
  readonly kind: string;
  readonly verdict: Verdict;
}

interface Family {
  readonly kinds: readonly { readonly sort: Sort; readonly kind: string }[];
  readonly round: number;
  readonly make: (index: number) => unknown;
  readonly judge: (index: number) => Promise<Judged>;
}

const families: { readonly [name in 'nitro' | 'snp']: Family } = {
  nitro: {
    kinds: nitroChanges,
    round: nitroRound,
    make: nitroCase,
    judge: async (index) => {
      const made = nitroCase(index);
      return { ...made, verdict: await nitroInTypeScript(made.document, made.at) };
    },
  },
  snp: {
    kinds: snpChanges,
    round: snpRound,
    make: snpCase,
    judge: async (index) => {
      const made = snpCase(index);
      return { ...made, verdict: await snpInTypeScript({ ...made, revocationLists: [] }, made.at) };
    },
  },
};

describe.each(['nitro', 'snp'] as const)('cases of %s', (name) => {
  it('are of kinds with a name each, and at least half of them break one rule and are signed again', () => {
    const { kinds } = families[name];
    expect(new Set(kinds.map(({ kind }) => kind)).size).toBe(kinds.length);
    const share = (sort: Sort): number => kinds.filter((change) => change.sort === sort).length / kinds.length;
    expect(share('resigned')).toBeGreaterThanOrEqual(0.5);
    expect(share('valid')).toBeGreaterThanOrEqual(0.2);
    expect(share('unsigned')).toBeGreaterThan(0.05);
  });

  it('of every kind are right or wrong as they are meant to be', { timeout: 120_000 }, async () => {
    const judged: Judged[] = [];
    for (let index = 0; index < families[name].round; index++) judged.push(await families[name].judge(index));
    expect(new Set(judged.map(({ kind }) => kind)).size).toBe(families[name].kinds.length);
    const surprising = judged
      .filter(({ sort, verdict }) => sort !== 'random' && (sort === 'valid') !== verdict.accepted)
      .map(({ id, kind, verdict }) => `${id} ${kind}: ${verdict.accepted ? 'accepted' : verdict.causes.join(', ')}`);
    expect(surprising).toEqual([]);
  });

  it('come out the same whenever they are made', () => {
    const { make } = families[name];
    for (const index of [3, 77, 12_345]) expect(make(index)).toEqual(make(index));
  });
});

describe('the list of checks', () => {
  it('is covered by a change, or says why not', () => {
    expect(forgottenChecks()).toEqual([]);
  });
});
