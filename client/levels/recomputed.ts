import { WireError } from '../../wire/errors.ts';
import type { Recomputation } from './evidence.ts';
import { integersOf, tensorsOf } from './exchange.ts';
import type { LevelsPolicy } from './policy.ts';
import { type Judged, type LeftOut, notReached, refused } from './state.ts';
import type { Statement } from './statement.ts';

/** Level `recomputed`: the same integers, by a computation that the caller trusts because it is its own, or a chain's. */
export function judgeRecomputed(
  statement: Statement,
  recomputations: readonly Recomputation[],
  policy: LevelsPolicy,
): Judged {
  if (policy.recomputations === 'none') return notReached('policy_none', 'it accepts nobody’s computing');
  if (recomputations.length === 0) return notReached('evidence_missing', 'nobody computed it again');
  const answered = answeredIntegers(statement);
  if (answered === undefined) return refused('not_integers', 'integers alone have the same value everywhere');
  const leftOut: LeftOut[] = [];
  const same: Recomputation[] = [];
  for (const recomputation of recomputations) {
    const { by, where, outputs } = recomputation;
    if (policy.recomputations !== 'any' && policy.recomputations !== by) {
      leftOut.push({ what: 'recomputation', code: 'recomputation_unwanted', detail: where });
    } else if (!isSame(answered, outputs)) {
      return refused('other_values', where, [
        ...leftOut,
        { what: 'recomputation', code: 'other_values', detail: where },
      ]);
    } else same.push(recomputation);
  }
  if (same.length === 0) return refused('recomputation_unwanted', 'by nobody that the policy accepts', leftOut);
  return {
    ruling: {
      state: 'reached',
      by: same.map(({ by, where }) => (by === 'chain' ? `chain: ${where}` : `this machine: ${where}`)),
      assumes: same.map(({ by }) =>
        by === 'chain'
          ? 'that your node shows you the chain, and that the contract is the model’s'
          : 'that the program here is the release’s model',
      ),
    },
    leftOut,
  };
}

function answeredIntegers(statement: Statement): readonly (readonly bigint[])[] | undefined {
  if (statement.manifest.kind !== 'tensor') return undefined;
  try {
    return integersOf(statement.manifest.outputs, tensorsOf(statement).outputs);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function isSame(a: readonly (readonly bigint[])[], b: readonly (readonly bigint[])[]): boolean {
  return (
    a.length === b.length &&
    a.every((row, index) => {
      const other = b[index] ?? [];
      return row.length === other.length && row.every((value, place) => value === other[place]);
    })
  );
}
