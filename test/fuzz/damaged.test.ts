import fc from 'fast-check';
import { describe, it } from 'vitest';
import { runs } from '../support/runs.ts';
import { targets } from './targets.ts';

const RUNS = runs(2_000);

/** Edits that keep most of a seed: what random bytes never reach lies behind a well-formed beginning. */
interface Edit {
  readonly at: number;
  readonly kind: 'change' | 'insert' | 'delete' | 'repeat';
  readonly byte: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('change', 'insert', 'delete', 'repeat'),
  byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Array.from('"\\,:[]{}0-.e', toCode))),
});

function toCode(character: string): number {
  return character.charCodeAt(0);
}

function apply(bytes: readonly number[], { at, kind, byte }: Edit): readonly number[] {
  const place = at % (bytes.length + 1);
  const before = bytes.slice(0, place);
  const after = bytes.slice(place);
  if (kind === 'change') return [...before, byte, ...after.slice(1)];
  if (kind === 'insert') return [...before, byte, ...after];
  if (kind === 'delete') return [...before, ...after.slice(1 + (byte % 4))];
  return [...before, ...after.slice(0, byte % 32), ...after];
}

describe.each(Object.entries(targets))('%s', (_, { fuzz, seeds }) => {
  it('holds for its seeds', async () => {
    for (const seed of seeds) await fuzz(seed);
  });

  it('holds for random bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 128 }), holds), { numRuns: RUNS });
  });

  it('holds for damaged seeds', async () => {
    const damaged = fc
      .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }))
      .map(([seed, edits]) => Uint8Array.from(edits.reduce(apply, Array.from(seed) as readonly number[])));
    await fc.assert(fc.asyncProperty(damaged, holds), { numRuns: RUNS });
  });

  async function holds(data: Uint8Array): Promise<void> {
    await fuzz(data);
  }
});
