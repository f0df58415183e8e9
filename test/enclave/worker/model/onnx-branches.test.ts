import { describe, expect, it } from 'vitest';
import { type OnnxAttribute, type OnnxGraph, type OnnxNode, onnxType } from '../../../../cli/demo-model/onnx-writer.ts';
import { OnnxError } from '../../../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../../../enclave/worker/model/onnx-scan.ts';
import { entryOf, testDecoder } from '../../../models/decoder.ts';
import { model } from './models.ts';

const text = { kind: 'text-generation' } as const;

function refusal(bytes: Uint8Array, options?: Parameters<typeof scanOnnx>[1]): string {
  try {
    scanOnnx(bytes, options);
  } catch (error) {
    if (error instanceof OnnxError) return error.message;
    throw error;
  }
  return 'accepted';
}

const graph = (...nodes: OnnxNode[]): OnnxGraph => ({
  name: 'b',
  nodes,
  initializers: [],
  inputs: [],
  outputs: [{ name: 'z', type: onnxType.float32, dimensions: ['n', 'n'] }],
});
const relu: OnnxNode = { operator: 'Relu', inputs: ['x'], outputs: ['z'] };
const branches = (inner: OnnxGraph): Readonly<Record<string, OnnxAttribute>> => ({
  then_branch: { graph: inner },
  else_branch: { graph: graph(relu) },
});
const ifNode = (...nodes: OnnxNode[]): OnnxNode => ({
  operator: 'If',
  inputs: ['c'],
  outputs: ['z'],
  attributes: branches(graph(...nodes)),
});
const withIf = (...nodes: OnnxNode[]): Uint8Array => model({ nodes: [ifNode(...nodes)] });

describe('an If', () => {
  it('is accepted in language models, and only there', () => {
    const merged = testDecoder({ layout: 'merged' }).get(entryOf({ layout: 'merged' })) as Uint8Array;
    const { operators } = scanOnnx(merged, text);
    expect(operators.get('If')).toBe(1);
    // Both branches are counted.
    expect(operators.get('Softmax')).toBe(4);
    expect(refusal(merged)).toContain('If is refused: it runs a subgraph');
    expect(refusal(merged, { kind: 'tensor' })).toContain('If is refused: it runs a subgraph');
  });

  it('may hold another, and that one none', () => {
    expect(refusal(withIf(ifNode(relu)), text)).toBe('accepted');
    expect(refusal(withIf(ifNode(ifNode(relu))), text)).toContain('If is refused: branches are nested deeper than 2');
  });
});

describe('a branch', () => {
  it.each<readonly [string, OnnxNode, string]>([
    [
      'a Loop',
      { ...relu, operator: 'Loop', attributes: { body: { graph: graph(relu) } } },
      'Loop is refused: it runs a subgraph',
    ],
    ['a Scan', { ...relu, operator: 'Scan' }, 'Scan is refused: it runs a subgraph'],
    ['chance', { ...relu, operator: 'RandomNormalLike' }, 'RandomNormalLike is refused: it draws random numbers'],
    ['an unknown operator', { ...relu, operator: 'Mystery' }, 'an operator that is not on the list'],
    ['another domain', { ...relu, domain: 'com.microsoft' }, 'an operator outside the standard domain'],
    ['a graph where none belongs', { ...relu, attributes: { body: { graph: graph(relu) } } }, 'onnx_unsupported'],
    ['training', { ...relu, operator: 'Dropout', inputs: ['x', 'r', 't'] }, 'Dropout in training mode'],
  ])('may not hold %s', (_, node, expected) => {
    expect(refusal(withIf(node), text)).toContain(expected);
    expect(refusal(withIf(ifNode(node)), text)).toContain(expected);
  });

  it('may not hold a tensor beyond all limits', () => {
    const huge = { name: 'h', type: onnxType.float32, dimensions: [2 ** 31, 2 ** 20], data: new Uint8Array(4) };
    const inner = { ...graph(relu), initializers: [huge] };
    const bytes = model({ nodes: [{ operator: 'If', inputs: ['c'], outputs: ['y'], attributes: branches(inner) }] });
    expect(refusal(bytes, text)).toContain('onnx_dimension');
  });
});

describe('a Loop', () => {
  it('stays refused in language models', () => {
    const loop = { ...relu, operator: 'Loop', attributes: { body: { graph: graph(relu) } } };
    expect(refusal(model({ nodes: [loop] }), text)).toContain('Loop is refused: it runs a subgraph');
  });
});
