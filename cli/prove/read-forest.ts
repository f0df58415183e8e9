import type { Forest, Tree } from '../../contracts/integer/forest.ts';
import type { GraphNode } from './onnx-graph.ts';
import { ReadError } from './read-error.ts';

/**
 * The trees of a TreeEnsembleRegressor. The worker's scan has seen that they are trees, with a root that comes first and
 * children behind their parents. For integers every comparison is one of "at most" with an integer, also where the file
 * has 2.5.
 */
export function readForest(node: GraphNode): Forest {
  const { attributes, name } = node;
  const refuse = (why: string): ReadError => new ReadError('not_exact', name, why);
  const integers = (key: string): readonly bigint[] => attributes.get(key)?.integers ?? [];
  const floats = (key: string): readonly number[] => attributes.get(key)?.floats ?? [];
  const text = (key: string, otherwise: string): string => attributes.get(key)?.texts[0] ?? otherwise;
  if (text('aggregate_function', 'SUM') !== 'SUM') throw refuse('its trees are not added up');
  if (text('post_transform', 'NONE') !== 'NONE') throw refuse('its sums are transformed');

  const whole = (value: number | undefined, what: string): bigint => {
    if (value === undefined || !Number.isInteger(value)) throw refuse(`${what} is ${value}, which is no integer`);
    return BigInt(value);
  };
  const targets = Number(integers('n_targets')[0] ?? 0n);
  const given = floats('base_values');
  const base = Array.from({ length: targets }, (_, target) =>
    given.length === 0 ? 0n : whole(given[target], 'a base'),
  );

  const key = (tree: bigint | undefined, id: bigint | undefined): string => `${tree} ${id}`;
  const [treeIds, ids] = [integers('nodes_treeids'), integers('nodes_nodeids')];
  const places = new Map(ids.map((id, at) => [key(treeIds[at], id), at]));
  const leaves = new Map<string, bigint[]>();
  const [leafTrees, leafIds, leafTargets] = [
    integers('target_treeids'),
    integers('target_nodeids'),
    integers('target_ids'),
  ];
  leafIds.forEach((id, at) => {
    const at0 = key(leafTrees[at], id);
    const values = leaves.get(at0) ?? base.map(() => 0n);
    values[Number(leafTargets[at])] = whole(floats('target_weights')[at], 'a leaf');
    leaves.set(at0, values);
  });

  const [modes, features] = [attributes.get('nodes_modes')?.texts ?? [], integers('nodes_featureids')];
  // The engine leaves a base out where no tree says anything of its target.
  const complete = leafIds.length === modes.filter((mode) => mode === 'LEAF').length * targets;
  if (targets > 1 && !complete && base.some((own) => own !== 0n))
    throw refuse('a base, and leaves without each target');
  const [yes, no, thresholds] = [integers('nodes_truenodeids'), integers('nodes_falsenodeids'), floats('nodes_values')];
  const treeAt = (at: number): Tree => {
    const mode = modes[at] ?? '';
    if (mode === 'LEAF') return { leaf: leaves.get(key(treeIds[at], ids[at])) ?? base.map(() => 0n) };
    const compared = comparison(mode, thresholds[at] ?? Number.NaN);
    if (compared === undefined) throw refuse(`a branch of ${mode} with ${thresholds[at]}`);
    const child = (id: bigint | undefined): Tree => treeAt(places.get(key(treeIds[at], id)) ?? ids.length);
    const [first, second] = [child(yes[at]), child(no[at])];
    const { threshold, swapped } = compared;
    const feature = Number(features[at]);
    return swapped ? { feature, threshold, yes: second, no: first } : { feature, threshold, yes: first, no: second };
  };
  const roots = [...ids.keys()].filter((at) => at === 0 || treeIds[at] !== treeIds[at - 1]);
  return { kind: 'forest', base, trees: roots.map(treeAt) };
}

/** An integer is below 2.5 if it is at most 2, and above 2.5 if it is not. */
function comparison(
  mode: string,
  value: number,
): { readonly threshold: bigint; readonly swapped: boolean } | undefined {
  if (!Number.isFinite(value)) return undefined;
  const [atMost, below] = [BigInt(Math.floor(value)), BigInt(Math.ceil(value)) - 1n];
  switch (mode) {
    case 'BRANCH_LEQ':
      return { threshold: atMost, swapped: false };
    case 'BRANCH_LT':
      return { threshold: below, swapped: false };
    case 'BRANCH_GT':
      return { threshold: atMost, swapped: true };
    case 'BRANCH_GTE':
      return { threshold: below, swapped: true };
    default:
      return undefined;
  }
}
