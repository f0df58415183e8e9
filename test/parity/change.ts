import type { Random } from './random.ts';

/**
 * `valid`: another way to be right. `resigned`: one rule is broken and everything above and below it is signed again, so
 * that this rule alone decides. `random`: bytes changed at random and signed again, with any outcome. `unsigned`: damage
 * that nobody signed.
 */
export type Sort = 'valid' | 'resigned' | 'random' | 'unsigned';

/** One kind of change, and how one case of it is drawn. */
export interface Change<Edit> {
  readonly sort: Sort;
  /** Unique among the changes of its family. */
  readonly kind: string;
  /** Of the list of checks: C9, N13, S4. */
  readonly check: string;
  readonly draw: (random: Random) => Edit;
}

export const changesOf =
  <Edit>(sort: Sort) =>
  (check: string, kind: string, draw: (random: Random) => Edit): Change<Edit> => ({ sort, kind, check, draw });

/** Kinds take turns, far apart from their neighbours in the list, so that any part of a run has all sorts of them. */
const STRIDE = 61;

export function changeAt<Edit>(changes: readonly Change<Edit>[], index: number): Change<Edit> {
  // One further in every round: a shard that is the same part of each has other kinds each time.
  const round = Math.floor(index / changes.length);
  return changes[(index * STRIDE + round) % changes.length] as Change<Edit>;
}

/** Every kind has one turn in as many cases as there are kinds, if the stride has no divisor in common with that. */
export function roundOf<Edit>(changes: readonly Change<Edit>[]): number {
  if (changes.length % STRIDE === 0) throw new RangeError('choose another stride');
  return changes.length;
}
