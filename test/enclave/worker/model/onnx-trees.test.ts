import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onnxType } from '../../../../cli/demo-model/onnx-writer.ts';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import { OnnxError } from '../../../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../../../enclave/worker/model/onnx-scan.ts';
import { limits } from '../../../../wire/limits.ts';
import { type Tensor, tensorValues } from '../../../../wire/message/tensor.ts';
import { chain, classical, classifier, DOMAIN, type Forest, regressor, SETS, small } from './forests.ts';
import { floats, type Harness, type SimpleModel, simple, startHarness, until } from './harness.ts';
import { model } from './models.ts';

function refusal(bytes: Uint8Array): string {
  try {
    scanOnnx(bytes);
  } catch (error) {
    if (error instanceof OnnxError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('the domain ai.onnx.ml', () => {
  it('is open for trees and what goes with tables, and counted with its name', () => {
    expect([...scanOnnx(regressor()).operators]).toEqual([['ai.onnx.ml.TreeEnsembleRegressor', 1]]);
    expect(refusal(classifier([0, 1, 2]))).toBe('accepted');
    for (const operator of ['ArrayFeatureExtractor', 'Binarizer', 'Imputer', 'LinearClassifier', 'LinearRegressor']) {
      expect(refusal(classical(operator, {}))).toBe('accepted');
    }
    for (const operator of ['Normalizer', 'Scaler']) expect(refusal(classical(operator, {}))).toBe('accepted');
  });

  it.each(['CastMap', 'CategoryMapper', 'DictVectorizer', 'LabelEncoder', 'ZipMap', 'TreeEnsemble'])(
    'refuses %s with a reason',
    (operator) => expect(refusal(classical(operator, {}))).toContain(`${operator} is refused: `),
  );

  it.each(['SVMRegressor', 'OneHotEncoder', 'FeatureVectorizer', 'Relu', 'If', 'Loop'])('has no %s', (operator) => {
    expect(refusal(classical(operator, {}))).toContain('onnx_operator');
  });

  it('does not lend its operators to the standard domain', () => {
    const node = { operator: 'TreeEnsembleRegressor', inputs: ['x'], outputs: ['y'] };
    expect(refusal(model({ nodes: [node] }, SETS))).toContain('an operator that is not on the list');
    const named = { ...node, operator: 'ai.onnx.ml.TreeEnsembleRegressor' };
    expect(refusal(model({ nodes: [named] }, SETS))).toContain('an operator that is not on the list');
  });

  it.each([undefined, 0, 5, 99])('is used with set 1 to 4 only, not %s', (version) => {
    const sets = version === undefined ? { '': 17 } : { '': 17, [DOMAIN]: version };
    expect(refusal(classical('Scaler', {}, sets))).toContain('operator set of ai.onnx.ml is not in 1..4');
    if (version !== undefined) expect(refusal(model({}, sets))).toBe('accepted');
  });

  it.each(['com.microsoft', 'ai.onnx.preview', 'ai.onnx.ml '])('is the only other one: %s is refused', (domain) => {
    const node = { operator: 'Scaler', domain, inputs: ['x'], outputs: ['y'] };
    expect(refusal(model({ nodes: [node] }, SETS))).toContain('onnx_domain');
  });
});

describe('a forest', () => {
  it.each<readonly [string, Partial<Forest>, string]>([
    ['points at itself', { yes: [0, 0, 3, 0, 0] }, 'a child is missing, shared, or not behind its parent'],
    ['comes back to its root', { no: [2, 0, 0, 0, 0] }, 'a child is missing, shared, or not behind its parent'],
    [
      'goes round in a ring behind its root',
      { modes: ['BRANCH_LEQ', 'LEAF', 'BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF'], yes: [1, 0, 3, 2, 0], no: [2, 0, 4, 4, 0] },
      'a child is missing, shared, or not behind its parent',
    ],
    ['shares a child between branches', { yes: [1, 0, 1, 0, 0] }, 'a child is missing, shared, or not behind'],
    ['gives both answers one child', { no: [1, 0, 4, 0, 0] }, 'a child is missing, shared, or not behind its parent'],
    ['points at nothing', { yes: [77, 0, 3, 0, 0] }, 'a child is missing, shared, or not behind its parent'],
    ['points into another tree', { trees: [0, 0, 0, 1, 1], leafTrees: [0, 1, 1] }, 'a child is missing, shared'],
    ['has a second root in one tree', { modes: ['LEAF', 'LEAF', 'BRANCH_LEQ', 'LEAF', 'LEAF'] }, 'not one root'],
    ['has two nodes with one number', { ids: [0, 1, 2, 3, 3] }, 'two nodes with one number'],
    ['has a node with a negative number', { ids: [0, 1, 2, 3, -4] }, 'a number is negative or too large'],
    ['looks at a negative feature', { features: [-1, 0, 1, 0, 0] }, 'a number is negative or too large'],
    ['looks at feature 2^31', { features: [2 ** 31, 0, 1, 0, 0] }, 'a number is negative or too large'],
    ['has an unknown branch', { modes: ['BRANCH_MEMBER', 'LEAF', 'BRANCH_LEQ', 'LEAF', 'LEAF'] }, 'known branch'],
    [
      'has no nodes',
      { ...chain(0), trees: [], ids: [], features: [], values: [], modes: [], yes: [], no: [] },
      'length',
    ],
    ['has too few values', { values: [0.5] }, 'columns of nodes differ in length'],
    ['has too few modes', { modes: ['LEAF'] }, 'columns of nodes differ in length'],
    ['has too many children', { no: [2, 0, 4, 0, 0, 0] }, 'columns of nodes differ in length'],
    ['has too few weights', { weights: [1] }, 'columns of leaves differ in length'],
    ['has a weight on a branch', { leafIds: [0, 3, 4] }, 'a weight of what is no leaf'],
    ['has a weight on nothing', { leafIds: [9, 3, 4] }, 'a weight of what is no leaf'],
    ['has a weight for another target', { targets: [0, 1, 0] }, 'a weight for what is no target'],
    ['weighs one leaf twice', { leafIds: [1, 3, 3] }, 'two weights of one leaf for one target'],
    ['has a weight for target -1', { targets: [0, -1, 0] }, 'a weight for what is no target'],
  ])('is refused that %s', (_, changes, detail) => {
    const message = refusal(regressor(changes));
    expect(message).toContain('onnx_trees');
    expect(message).toContain(detail);
  });

  it('is refused with a class that has no label', () => {
    expect(refusal(classifier([0, 1, 3]))).toContain('a weight for what is no target');
  });

  it('is refused with an attribute that is not known, also where it is the same in doubles', () => {
    const tensor = { name: 't', type: onnxType.float64, dimensions: [1], data: new Uint8Array(8) };
    expect(refusal(regressor({}, { nodes_values_as_tensor: { tensor } }))).toContain('an attribute that is not known');
    expect(refusal(regressor({}, { class_ids: { ints: [0] } }))).toContain('columns of leaves differ in length');
    expect(refusal(regressor({}, { base_values: { floats: [1] } }))).toBe('accepted');
  });

  it('may be as deep as the limit and not deeper', () => {
    expect(refusal(regressor(chain(limits.onnxTreeDepth)))).toBe('accepted');
    expect(refusal(regressor(chain(limits.onnxTreeDepth + 1)))).toContain('a tree is too deep');
  });

  it('may be of several trees', () => {
    const two = Object.fromEntries(Object.entries(small).map(([name, column]) => [name, [...column, ...column]]));
    const numbered = { ...two, trees: [...small.trees, 5, 5, 5, 5, 5], leafTrees: [0, 0, 0, 5, 5, 5] };
    expect(refusal(regressor(numbered))).toBe('accepted');
    expect(refusal(regressor({ ...numbered, trees: [...small.trees, ...small.trees] }))).toContain('two nodes with');
  });
});

describe('in a model process', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(() => harness.close());

  const deadlineMs = 30_000;
  const x = floats('x', [3, 2], (at) => [0, 9, 1, 2, 1, 3][at] as number);

  async function withModel(bytes: Uint8Array, use: (loaded: SimpleModel) => Promise<void>): Promise<void> {
    const loaded = simple(await harness.pool.load({ modelId: new Uint8Array(32), bytes, batchRows: 1 }));
    try {
      await use(loaded);
    } finally {
      loaded.close();
      await until(() => harness.pids().length === 0, 30_000);
    }
  }

  const values = async (loaded: SimpleModel, input: Tensor): Promise<readonly unknown[]> => {
    const [y] = await loaded.run([input], ['y'], { deadlineMs });
    return tensorValues(y as Tensor);
  };

  it('a forest finds its leaves', async () => {
    await withModel(regressor(), async (loaded) => expect(await values(loaded, x)).toEqual([10, 20, 30]));
    await withModel(classifier([0, 1, 2]), async (loaded) => {
      const [label] = await loaded.run([x], ['label'], { deadlineMs });
      expect(tensorValues(label as Tensor)).toEqual([7n, 8n, 9n]);
    });
  });

  it('the deepest forest that passes is loaded and walked', async () => {
    await withModel(regressor(chain(limits.onnxTreeDepth)), async (loaded) => {
      expect(await values(loaded, x)).toEqual([1, 1, 1]);
    });
  });

  /** What the scan cannot know, the width of the input, the engine checks: nothing beside the input is read. */
  it.each<readonly [string, Uint8Array]>([
    ['a tree looks at a feature that is not there', regressor({ features: [100_000, 0, 1, 0, 0] })],
    ['there are fewer coefficients than features', classical('LinearRegressor', { coefficients: { floats: [1] } })],
    [
      'a scale is of another width',
      classical('Scaler', { scale: { floats: [1, 1, 1] }, offset: { floats: [0, 0, 0] } }),
    ],
  ])('a run fails, and the process lives, where %s', async (_, bytes) => {
    await withModel(bytes, async (loaded) => {
      for (let again = 0; again < 2; again++) {
        const error = await values(loaded, x).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(ModelError);
        expect((error as ModelError).code).toBe('model_failed');
      }
      expect(harness.pids()).toHaveLength(1);
    });
  });
});
