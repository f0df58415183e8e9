import { IntegerError } from './errors.ts';
import type { Forest, Tree } from './forest.ts';
import type { Dense, Layer, Program, Rectification } from './program.ts';

/** The program's own words in integers that cannot overflow: what every other form is held against. */
export function evaluate({ inputs, layers }: Program, values: readonly bigint[]): readonly bigint[] {
  const { count, range } = inputs;
  if (values.length !== count) throw new IntegerError('input_invalid', `${values.length} values instead of ${count}`);
  if (values.some((value) => value < range.least || value > range.most)) {
    throw new IntegerError('input_invalid', `a value is not from ${range.least} to ${range.most}`);
  }
  return layers.reduce<readonly bigint[]>((before, { layer }) => applied(layer, before), values);
}

/** What a layer makes of the values before it. */
export function applied(layer: Layer, before: readonly bigint[]): readonly bigint[] {
  return layer.kind === 'dense' ? throughDense(layer, before) : throughForest(layer, before);
}

function throughDense({ weights, bias, rectify }: Dense, before: readonly bigint[]): readonly bigint[] {
  return weights.map((row, to) => {
    const total = row.reduce((all, weight, from) => all + weight * (before[from] ?? 0n), bias[to] ?? 0n);
    return rectify === 'none' ? total : rectifiedValue(total, rectify);
  });
}

function rectifiedValue(value: bigint, { shift, most }: Rectification): bigint {
  const kept = (value < 0n ? 0n : value) >> BigInt(shift);
  return most !== 'any' && kept > most ? most : kept;
}

function throughForest({ base, trees }: Forest, before: readonly bigint[]): readonly bigint[] {
  const leaves = trees.map((tree) => found(tree, before));
  return base.map((own, target) => leaves.reduce((all, leaf) => all + (leaf[target] ?? 0n), own));
}

function found(tree: Tree, before: readonly bigint[]): readonly bigint[] {
  if ('leaf' in tree) return tree.leaf;
  return found((before[tree.feature] ?? 0n) <= tree.threshold ? tree.yes : tree.no, before);
}
