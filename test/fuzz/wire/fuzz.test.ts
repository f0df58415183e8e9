import fc from 'fast-check';
import { describe, it } from 'vitest';
import { runs } from '../../support/runs.ts';
import * as cbor from './cbor.fuzz.ts';
import * as frame from './frame.fuzz.ts';
import * as json from './json.fuzz.ts';
import * as tensor from './tensor.fuzz.ts';

const targets = { cbor, frame, json, tensor } as const;
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
  it('holds for its seeds', () => {
    for (const seed of seeds) fuzz(seed);
  });

  it('holds for random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 128 }), fuzz), { numRuns: RUNS });
  });

  it('holds for damaged seeds', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }))
      .map(([seed, edits]) => Uint8Array.from(edits.reduce(apply, Array.from(seed) as readonly number[])));
    fc.assert(fc.property(damaged, fuzz), { numRuns: RUNS });
  });
});
