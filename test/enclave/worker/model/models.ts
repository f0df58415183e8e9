import { type OnnxGraph, type OnnxNode, onnxType, writeOnnx } from '../../../../cli/demo-model/onnx-writer.ts';

const BATCH = ['n', 'n'] as const;

export function model(
  graph: Partial<OnnxGraph>,
  operatorSets: Readonly<Record<string, number>> = { '': 17 },
): Uint8Array {
  return writeOnnx({
    producer: 'test',
    irVersion: 8,
    operatorSets,
    graph: {
      name: 'g',
      nodes: [{ operator: 'Relu', inputs: ['x'], outputs: ['y'] }],
      initializers: [],
      inputs: [{ name: 'x', type: onnxType.float32, dimensions: BATCH }],
      outputs: [{ name: 'y', type: onnxType.float32, dimensions: BATCH }],
      ...graph,
    },
  });
}

/** Allowed operators only, and seconds of work for a large x: what a deadline is for. */
export function slowModel(products = 400): Uint8Array {
  const nodes: OnnxNode[] = Array.from({ length: products }, (_, i) => ({
    operator: 'MatMul',
    inputs: [i === 0 ? 'x' : `p${i}`, 'x'],
    outputs: [i === products - 1 ? 'y' : `p${i + 1}`],
  }));
  return model({ nodes });
}

/** The published attack: a Loop of nearly 2^62 rounds around nothing. */
export function loopModel(): Uint8Array {
  const body: OnnxGraph = {
    name: 'b',
    nodes: [
      { operator: 'Identity', inputs: ['c'], outputs: ['d'] },
      { operator: 'Identity', inputs: ['v'], outputs: ['w'] },
    ],
    initializers: [],
    inputs: [
      { name: 'i', type: onnxType.int64, dimensions: [] },
      { name: 'c', type: onnxType.bool, dimensions: [] },
      { name: 'v', type: onnxType.float32, dimensions: [1] },
    ],
    outputs: [
      { name: 'd', type: onnxType.bool, dimensions: [] },
      { name: 'w', type: onnxType.float32, dimensions: [1] },
    ],
  };
  return model({
    nodes: [{ operator: 'Loop', inputs: ['', '', 'x'], outputs: ['y'], attributes: { body: { graph: body } } }],
    inputs: [{ name: 'x', type: onnxType.float32, dimensions: [1] }],
    outputs: [{ name: 'y', type: onnxType.float32, dimensions: [1] }],
  });
}
