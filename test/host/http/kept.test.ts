import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../host/http/budget.ts';
import { createKeptAnswers, type KeptAnswers } from '../../../host/http/kept.ts';

const TYPE = 'application/octet-stream';

function create(changes: { readonly room?: number; readonly maxAnswers?: number } = {}): {
  readonly kept: KeptAnswers;
  readonly budget: ReturnType<typeof createBudget>;
  readonly pass: (ms: number) => void;
} {
  let time = 0;
  const budget = createBudget(changes.room ?? 1_000);
  const now = (): number => time;
  const kept = createKeptAnswers({ budget, maxBytes: 100, maxAnswers: changes.maxAnswers ?? 10, keepMs: 50, now });
  return {
    kept,
    budget,
    pass: (ms) => {
      time += ms;
    },
  };
}

function keep(kept: KeptAnswers, id: string, ...sizes: readonly number[]): boolean {
  const keeping = kept.begin(id, TYPE);
  const all = sizes.every((size) => keeping?.add(new Uint8Array(size)) === true);
  keeping?.finish();
  return all;
}

function sizeOf(kept: KeptAnswers, id: string): number | 'pending' | undefined {
  const found = kept.find(id);
  return typeof found === 'object' ? found.bytes.length : found;
}

describe('kept answers', () => {
  it('are pending until they are finished, and count meanwhile', () => {
    const { kept, budget } = create();
    const keeping = kept.begin('a', TYPE);
    expect(sizeOf(kept, 'a')).toBe('pending');
    keeping?.add(new Uint8Array(30));
    keeping?.add(new Uint8Array(20));
    expect([kept.begin('a', TYPE), budget.held]).toEqual([undefined, 50]);
    keeping?.finish();
    keeping?.drop();
    expect([sizeOf(kept, 'a'), budget.held, kept.begin('a', TYPE)]).toEqual([50, 50, undefined]);
  });

  it('are forgotten when they are old, and what they held is free', () => {
    const { kept, budget, pass } = create();
    keep(kept, 'a', 30);
    pass(49);
    keep(kept, 'b', 30);
    expect(sizeOf(kept, 'a')).toBe(30);
    pass(1);
    expect([sizeOf(kept, 'a'), sizeOf(kept, 'b'), budget.held]).toEqual([undefined, 30, 30]);
    pass(49);
    expect([sizeOf(kept, 'b'), budget.held]).toEqual([undefined, 0]);
  });

  it('give way to newer ones, the oldest first', () => {
    const { kept, budget } = create();
    for (const id of ['a', 'b', 'c']) keep(kept, id, 40);
    expect(['a', 'b', 'c'].map((id) => sizeOf(kept, id))).toEqual([undefined, 40, 40]);
    expect(budget.held).toBe(80);
  });

  it('give way where the budget is used up by others', () => {
    const { kept, budget } = create({ room: 60 });
    keep(kept, 'a', 40);
    budget.add(10);
    expect([keep(kept, 'b', 30), sizeOf(kept, 'a'), sizeOf(kept, 'b')]).toEqual([true, undefined, 30]);
    expect([keep(kept, 'c', 60), sizeOf(kept, 'c'), budget.held]).toEqual([false, undefined, 10]);
  });

  it('of more than there is room for are dropped, and their number is free', () => {
    const { kept, budget } = create();
    const keeping = kept.begin('a', TYPE);
    expect([
      keeping?.add(new Uint8Array(60)),
      keeping?.add(new Uint8Array(60)),
      keeping?.add(new Uint8Array(1)),
    ]).toEqual([true, false, false]);
    keeping?.finish();
    expect([sizeOf(kept, 'a'), budget.held]).toEqual([undefined, 0]);
    expect(keep(kept, 'a', 5)).toBe(true);
  });

  it('are bounded in number, since empty ones would be free', () => {
    const { kept } = create({ maxAnswers: 2 });
    for (const id of ['a', 'b', 'c']) keep(kept, id, 1);
    expect(['a', 'b', 'c'].map((id) => sizeOf(kept, id))).toEqual([undefined, 1, 1]);
  });
});
