import { sha256 } from '../../wire/crypto/node.ts';
import type { Manifest, ManifestTensor } from '../../wire/message/manifest.ts';
import { float32Bytes, type OnnxNode, type OnnxTensor, onnxType, writeOnnx } from './onnx-writer.ts';

/**
 * The demo's model: a 128-512-512-10 perceptron whose weights come from an integer generator, so that every machine
 * writes the same bytes and the release has one `modelId`. It has learned nothing; it shows the path, not a skill.
 */
const LAYERS = [
  { inputs: 128, outputs: 512, scale: 2 ** -17 },
  { inputs: 512, outputs: 512, scale: 2 ** -18 },
  { inputs: 512, outputs: 10, scale: 2 ** -18 },
] as const;

const FILE = 'model.onnx';

export interface DemoModel {
  readonly onnx: Uint8Array;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
}

export interface DemoRelease {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The first dimension is free: rows of one call are independent, and the worker may put calls together. */
export function demoModel(): DemoModel {
  const integers = integerGenerator(0x50524f4f);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  LAYERS.forEach(({ inputs, outputs, scale }, index) => {
    const last = index === LAYERS.length - 1;
    const source = index === 0 ? 'input' : `hidden${index}`;
    const sum = last ? 'logits' : `sum${index}`;
    initializers.push(weights(`weight${index}`, [inputs, outputs], scale, integers));
    initializers.push(weights(`bias${index}`, [outputs], scale, integers));
    nodes.push({ operator: 'Gemm', inputs: [source, `weight${index}`, `bias${index}`], outputs: [sum] });
    if (!last) nodes.push({ operator: 'Relu', inputs: [sum], outputs: [`hidden${index + 1}`] });
  });
  const input = { name: 'input', dimensions: ['batch', 128] } as const;
  const output = { name: 'logits', dimensions: ['batch', 10] } as const;
  const onnx = writeOnnx({
    producer: 'proofmark',
    irVersion: 8,
    operatorSets: { '': 17 },
    graph: {
      name: 'demo-mlp',
      nodes,
      initializers,
      inputs: [{ ...input, type: onnxType.float32 }],
      outputs: [{ ...output, type: onnxType.float32 }],
    },
  });
  return {
    onnx,
    inputs: [{ name: input.name, datatype: 'FP32', shape: input.dimensions }],
    outputs: [{ name: output.name, datatype: 'FP32', shape: output.dimensions }],
  };
}

/** `owner` is x || y of the release key that will sign the manifest. */
export function demoRelease(owner: Uint8Array): DemoRelease {
  const { onnx, inputs, outputs } = demoModel();
  return {
    files: new Map([[FILE, onnx]]),
    manifest: {
      schema: 'proofmark manifest v1',
      owner,
      name: 'demo-mlp',
      version: '1.0.0',
      kind: 'tensor',
      description: 'A 128-512-512-10 perceptron with generated weights: it shows the path of a request.',
      licence: 'Apache-2.0',
      task: 'demonstration',
      tags: ['demo'],
      files: [{ path: FILE, size: onnx.length, sha256: sha256(onnx) }],
      entry: FILE,
      inputs,
      outputs,
      execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 32 },
      limits: { memoryBytes: 512 * 1024 * 1024, runMilliseconds: 2_000 },
      samples: [],
      circuit: null,
    },
  };
}

/** 16-bit integers times a power of two: exact in float32, without a library function that could round differently. */
function weights(name: string, dimensions: readonly number[], scale: number, next: () => number): OnnxTensor {
  const count = dimensions.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, () => ((next() >>> 16) - 32_768) * scale);
  return { name, type: onnxType.float32, dimensions, data: float32Bytes(values) };
}

/** Marsaglia's xorshift32. */
function integerGenerator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
