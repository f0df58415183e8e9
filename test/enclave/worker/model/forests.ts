import { type OnnxAttribute, onnxType } from '../../../../cli/demo-model/onnx-writer.ts';
import { model } from './models.ts';

export const DOMAIN = 'ai.onnx.ml';
export const SETS: Readonly<Record<string, number>> = { '': 17, [DOMAIN]: 3 };

const TABLE = {
  inputs: [{ name: 'x', type: onnxType.float32, dimensions: ['n', 'w'] }],
  outputs: [{ name: 'y', type: onnxType.float32, dimensions: ['n', 'v'] }],
} as const;

type Attributes = Readonly<Record<string, OnnxAttribute>>;

export function classical(
  operator: string,
  attributes: Attributes,
  sets: Readonly<Record<string, number>> = SETS,
): Uint8Array {
  return model({ ...TABLE, nodes: [{ operator, domain: DOMAIN, inputs: ['x'], outputs: ['y'], attributes }] }, sets);
}

export interface Forest {
  readonly trees: readonly number[];
  readonly ids: readonly number[];
  readonly features: readonly number[];
  readonly values: readonly number[];
  readonly modes: readonly string[];
  readonly yes: readonly number[];
  readonly no: readonly number[];
  readonly leafTrees: readonly number[];
  readonly leafIds: readonly number[];
  readonly targets: readonly number[];
  readonly weights: readonly number[];
}

/** x[0] <= 0.5 ? 10 : (x[1] <= 2 ? 20 : 30) */
export const small: Forest = {
  trees: [0, 0, 0, 0, 0],
  ids: [0, 1, 2, 3, 4],
  features: [0, 0, 1, 0, 0],
  values: [0.5, 0, 2, 0, 0],
  modes: ['BRANCH_LEQ', 'LEAF', 'BRANCH_LEQ', 'LEAF', 'LEAF'],
  yes: [1, 0, 3, 0, 0],
  no: [2, 0, 4, 0, 0],
  leafTrees: [0, 0, 0],
  leafIds: [1, 3, 4],
  targets: [0, 0, 0],
  weights: [10, 20, 30],
};

function nodesOf(forest: Forest): Attributes {
  return {
    nodes_treeids: { ints: forest.trees },
    nodes_nodeids: { ints: forest.ids },
    nodes_featureids: { ints: forest.features },
    nodes_values: { floats: forest.values },
    nodes_modes: { texts: forest.modes },
    nodes_truenodeids: { ints: forest.yes },
    nodes_falsenodeids: { ints: forest.no },
  };
}

export function regressor(changes: Partial<Forest> = {}, more: Attributes = {}): Uint8Array {
  const forest = { ...small, ...changes };
  return classical('TreeEnsembleRegressor', {
    n_targets: { int: 1 },
    ...nodesOf(forest),
    target_treeids: { ints: forest.leafTrees },
    target_nodeids: { ints: forest.leafIds },
    target_ids: { ints: forest.targets },
    target_weights: { floats: forest.weights },
    ...more,
  });
}

export function classifier(classIds: readonly number[]): Uint8Array {
  const attributes = {
    ...nodesOf(small),
    class_treeids: { ints: small.leafTrees },
    class_nodeids: { ints: small.leafIds },
    class_ids: { ints: classIds },
    class_weights: { floats: small.weights },
    classlabels_int64s: { ints: [7, 8, 9] },
  };
  const node = {
    operator: 'TreeEnsembleClassifier',
    domain: DOMAIN,
    inputs: ['x'],
    outputs: ['label', 'y'],
    attributes,
  };
  const label = { name: 'label', type: onnxType.int64, dimensions: ['n'] };
  return model({ ...TABLE, nodes: [node], outputs: [label, ...TABLE.outputs] }, SETS);
}

/** One branch below the other, so many of them, each with a leaf beside it. */
export function chain(branches: number): Partial<Forest> {
  const all = Array.from({ length: 2 * branches + 1 }, (_, at) => at);
  const isBranch = (at: number): boolean => at % 2 === 0 && at < 2 * branches;
  const leafIds = all.filter((at) => !isBranch(at));
  return {
    trees: all.map(() => 0),
    ids: all,
    features: all.map(() => 0),
    values: all.map(() => -1),
    modes: all.map((at) => (isBranch(at) ? 'BRANCH_LEQ' : 'LEAF')),
    yes: all.map((at) => (isBranch(at) ? at + 1 : 0)),
    no: all.map((at) => (isBranch(at) ? at + 2 : 0)),
    leafTrees: leafIds.map(() => 0),
    leafIds,
    targets: leafIds.map(() => 0),
    weights: leafIds.map(() => 1),
  };
}
