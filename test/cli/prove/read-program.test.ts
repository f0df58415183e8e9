import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OnnxNode, type OnnxTensor, onnxType } from '../../../cli/demo-model/onnx-writer.ts';
import { ReadError } from '../../../cli/prove/read-error.ts';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { IntegerError } from '../../../contracts/integer/errors.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { committedRelease } from '../../models/drafts.ts';
import { integerEngine } from '../../support/integer-engine.ts';
import {
  drawFrom,
  finish,
  floats,
  forestModel,
  type IntegerModel,
  integers,
  networkModel,
  rowsFor,
} from '../../support/integer-models.ts';

async function holdAgainstEngine(model: IntegerModel, rowCount: number): Promise<void> {
  const program = readProgram(model.onnx);
  const rows = rowsFor(model, drawFrom(7), rowCount);
  const expected = await (await integerEngine(model)).answers(rows);
  const computed = rows.map((row) => evaluate(program, row.map(BigInt)));
  expect(computed, model.name).toEqual(expected);
  for (const row of computed) {
    row.forEach((value, at) => {
      const bounds = program.outputs[at];
      expect(value >= (bounds?.least ?? 0n) && value <= (bounds?.most ?? 0n), model.name).toBe(true);
    });
  }
}

const seed = fc.integer({ min: 1, max: 2 ** 30 });
const width = fc.integer({ min: 1, max: 24 });

describe('an integer program read from a model', () => {
  it('computes what the engine computes: networks of any shape', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(seed, fc.array(width, { minLength: 2, maxLength: 5 }), (chosen, widths) =>
        holdAgainstEngine(networkModel(chosen, widths), 60),
      ),
      { numRuns: 60 },
    );
  });

  it('computes what the engine computes: forests of every comparison', { timeout: 120_000 }, async () => {
    const shape = fc.record({
      inputs: fc.integer({ min: 1, max: 9 }),
      trees: fc.integer({ min: 1, max: 8 }),
      depth: fc.integer({ min: 1, max: 5 }),
      targets: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(seed, shape, (chosen, wanted) => holdAgainstEngine(forestModel(chosen, wanted), 60)),
      { numRuns: 60 },
    );
  });

  it('is that of the released model, with the bounds of its card', async () => {
    const { entry } = await committedRelease('volatility-1h-int8');
    const { inputs, layers, outputs, products } = readProgram(entry);
    expect(inputs).toEqual({ count: 16, range: { least: 0n, most: 255n } });
    expect(layers.map(({ values }) => values.length)).toEqual([32, 8, 1]);
    expect(layers.map(({ layer }) => layer.kind === 'dense' && layer.rectify)).toEqual([
      { shift: 8, most: 255n },
      { shift: 8, most: 255n },
      { shift: 0, most: 'any' },
    ]);
    expect(products).toBe(776);
    // Less than the card's 30,939, which is for any order of adding.
    expect(outputs).toEqual([{ least: 0n, most: 27_165n }]);
    const row = Array.from({ length: 16 }, (_, at) => at * 17);
    await holdAgainstEngine({ name: 'released', onnx: entry, inputs: 16, datatype: 'UINT8' }, 500);
    expect(() => evaluate(readProgram(entry), [...row.slice(1).map(BigInt), 256n])).toThrow(IntegerError);
    expect(() => evaluate(readProgram(entry), row.slice(1).map(BigInt))).toThrow(IntegerError);
  });
});

const weights = integers('w', onnxType.int8, [2, 2], [1, -2, 3, 4]);
const bias = integers('b', onnxType.int32, [2], [5, -6]);
const product: OnnxNode = { operator: 'MatMulInteger', inputs: ['x', 'w'], outputs: ['p'] };
const node = (operator: string, inputs: readonly string[], more: Partial<OnnxNode> = {}): OnnxNode => ({
  operator,
  inputs,
  outputs: ['y'],
  ...more,
});
const shape = { inputs: 2, outputs: 2, datatype: 'UINT8' } as const;
const built = (
  nodes: readonly OnnxNode[],
  constants: readonly OnnxTensor[] = [weights],
  type = onnxType.int32,
): Uint8Array =>
  finish({ nodes: [...nodes], constants: [...constants], at: nodes.at(-1)?.outputs[0] ?? 'x' }, shape, type as 6);
const scalar = (name: string, value: number): OnnxTensor => integers(name, onnxType.int32, [], [value]);

/** Of a model that is refused: the code, the node, and a part of the reason. */
const refused: readonly (readonly [string, Uint8Array, string, RegExp])[] = [
  ['an operator that is not on the list', built([product, node('Abs', ['p'])]), 'operator', /Abs/],
  [
    'a float product',
    built([node('Cast', ['x'], { attributes: { to: { int: 1 } } }), node('Softmax', ['y'], { outputs: ['z'] })]),
    'operator',
    /Softmax/,
  ],
  [
    'a division by three',
    built([product, node('Relu', ['p'], { outputs: ['r'] }), node('Div', ['r', 'd'])], [weights, scalar('d', 3)]),
    'operator',
    /by 3/,
  ],
  [
    'a division of what can be negative',
    built([product, node('Div', ['p', 'd'])], [weights, scalar('d', 4)]),
    'not_exact',
    /can be -/,
  ],
  [
    'an upper bound of what can be negative',
    built([product, node('Min', ['p', 'm'])], [weights, scalar('m', 9)]),
    'not_exact',
    /can be -/,
  ],
  [
    'a lower bound that is not zero',
    built([product, node('Max', ['p', 'm'])], [weights, scalar('m', 9)]),
    'operator',
    /above 9/,
  ],
  [
    'a Cast that would lose bits',
    built([product, node('Cast', ['p'], { attributes: { to: { int: 2 } } })], [weights], 2 as 6),
    'not_exact',
    /do not fit/,
  ],
  ['a Cast to a text', built([product, node('Cast', ['p'], { attributes: { to: { int: 8 } } })]), 'operator', /type 8/],
  [
    'weights beyond what saturates',
    built([node('MatMulInteger', ['x', 'v'])], [integers('v', onnxType.int8, [2, 2], [1, 65, 1, 1])]),
    'not_exact',
    /saturate/,
  ],
  [
    'weights of another height',
    built([node('MatMulInteger', ['x', 'v'])], [integers('v', onnxType.int8, [4, 1], [1, 2, 3, 4])]),
    'constant',
    /not \[2/,
  ],
  ['weights that come from outside', built([node('MatMulInteger', ['x', 'gone'])]), 'not_a_chain', /not a constant/],
  [
    'a zero point',
    built([node('MatMulInteger', ['x', 'w', 'z'])], [weights, integers('z', onnxType.uint8, [], [3])]),
    'operator',
    /zero point/,
  ],
  ['a value that is used again', built([product, node('Add', ['p', 'p'])]), 'not_a_chain', /once and first/],
  ['a node beside the chain', built([product, node('Relu', ['x'])]), 'not_a_chain', /once and first/],
  [
    'an Add of floats',
    built([product, node('Add', ['p', 'f'])], [weights, floats('f', [1, 2])]),
    'constant',
    /another type/,
  ],
  [
    'an Add to bytes',
    built([node('Add', ['x', 'f'])], [integers('f', onnxType.uint8, [2], [1, 2])]),
    'operator',
    /neither INT32/,
  ],
  [
    'a bias for rows',
    built([product, node('Add', ['p', 'c'])], [weights, integers('c', onnxType.int32, [2, 1], [1, 2])]),
    'constant',
    /row of 2/,
  ],
  [
    'an Add behind a rectification',
    built([product, node('Relu', ['p'], { outputs: ['r'] }), node('Add', ['r', 'b'])], [weights, bias]),
    'operator',
    /no product/,
  ],
  [
    'an output in floats',
    built([product, node('Cast', ['p'], { attributes: { to: { int: 1 } } })], [weights], 1 as 6),
    'signature',
    /no integer/,
  ],
  ['trees whose leaves are fractions', forestWith({ weight: 0.5 }), 'not_exact', /no integer/],
  ['trees that are averaged', forestWith({ aggregate: 'AVERAGE' }), 'not_exact', /not added up/],
  ['trees with a base and leaves that say nothing', forestWith({ base: [0, 7] }), 'not_exact', /a base/],
  ['trees that compare for equality', forestWith({ mode: 'BRANCH_EQ' }), 'not_exact', /BRANCH_EQ/],
];

function forestWith({ weight = 3, aggregate = 'SUM', mode = 'BRANCH_LEQ', base = [0, 0] }): Uint8Array {
  const trees = node('TreeEnsembleRegressor', ['f'], {
    domain: 'ai.onnx.ml',
    outputs: ['t'],
    attributes: {
      n_targets: { int: 2 },
      base_values: { floats: base },
      aggregate_function: { text: aggregate },
      nodes_treeids: { ints: [0, 0, 0] },
      nodes_nodeids: { ints: [0, 1, 2] },
      nodes_featureids: { ints: [0, 0, 0] },
      nodes_values: { floats: [4, 0, 0] },
      nodes_modes: { texts: [mode, 'LEAF', 'LEAF'] },
      nodes_truenodeids: { ints: [1, 0, 0] },
      nodes_falsenodeids: { ints: [2, 0, 0] },
      target_treeids: { ints: [0, 0] },
      target_nodeids: { ints: [1, 2] },
      target_ids: { ints: [0, 1] },
      target_weights: { floats: [weight, 1] },
    },
  });
  const cast = (input: string, to: number, output: string): OnnxNode => ({
    ...node('Cast', [input], { attributes: { to: { int: to } } }),
    outputs: [output],
  });
  return built([cast('x', 1, 'f'), trees, cast('t', 6, 'y')], []);
}

describe('a model that is no integer program', () => {
  it.each(refused)('is refused for %s', (_, onnx, code, why) => {
    let caught: unknown;
    try {
      readProgram(onnx);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ReadError);
    const { code: given, message, node: place } = caught as ReadError;
    expect([given, message]).toEqual([code, expect.stringMatching(why)]);
    expect(place.length).toBeGreaterThan(3);
  });

  it('is refused for an accumulator that can leave 32 bits', () => {
    const wide = integers('v', onnxType.int32, [2, 1], [2 ** 30, 1]);
    const cast = node('Cast', ['x'], { attributes: { to: { int: 6 } }, outputs: ['c'] });
    const onnx = finish(
      { nodes: [cast, node('MatMul', ['c', 'v'])], constants: [wide], at: 'y' },
      { ...shape, outputs: 1 },
    );
    expect(() => readProgram(onnx)).toThrow(expect.objectContaining({ code: 'program_overflow' }));
  });
});
