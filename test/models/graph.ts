import {
  float32Bytes,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  onnxType,
} from '../../cli/demo-model/onnx-writer.ts';
import { readU32, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';

/** Constants of a graph by name. A weight depends on its own name and the seed only, so that layouts of one model share it. */
export interface Weights {
  readonly tensors: readonly OnnxTensor[];
  random(name: string, dimensions: readonly number[], deviation: number): string;
  floats(name: string, dimensions: readonly number[], values: ArrayLike<number>): string;
  /** A vector, or a scalar where one number is given; equal ones are stored once. */
  integers(values: readonly number[] | number): string;
}

export function createWeights(seed: number): Weights {
  const tensors = new Map<string, OnnxTensor>();
  const keep = (name: string, make: () => OnnxTensor): string => {
    if (!tensors.has(name)) tensors.set(name, make());
    return name;
  };
  const floats: Weights['floats'] = (name, dimensions, values) =>
    keep(name, () => ({ name, type: onnxType.float32, dimensions, data: float32Bytes(values) }));
  return {
    get tensors() {
      return [...tensors.values()];
    },
    floats,
    random: (name, dimensions, deviation) => {
      const count = dimensions.reduce((product, size) => product * size, 1);
      return floats(name, dimensions, normals(readU32(sha256(utf8(`${seed} ${name}`)), 0), count, deviation));
    },
    integers: (values) => {
      const list = typeof values === 'number' ? [values] : values;
      const name = `int.${typeof values === 'number' ? 'scalar' : 'vector'}.${list.join('.')}`;
      const data = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
      const dimensions = typeof values === 'number' ? [] : [list.length];
      return keep(name, () => ({ name, type: onnxType.int64, dimensions, data }));
    },
  };
}

/** Four uniform numbers of xorshift32 added: close enough to a normal distribution, and exact on every machine. */
function normals(seed: number, count: number, deviation: number): Float32Array {
  let state = seed === 0 ? 1 : seed;
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3) * deviation,
  );
}

/** Nodes of one graph, in order. `prefix` keeps the names of two branches apart. */
export interface Nodes {
  readonly list: readonly OnnxNode[];
  add(operator: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string;
  /** The same with the output's name given, or with several outputs. */
  named(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ): readonly string[];
}

export function createNodes(prefix: string): Nodes {
  const list: OnnxNode[] = [];
  const named: Nodes['named'] = (operator, inputs, outputs, attributes = {}) => {
    list.push({ operator, inputs, outputs, attributes });
    return outputs;
  };
  return {
    list,
    named,
    add: (operator, inputs, attributes = {}) => {
      const output = `${prefix}${operator}.${list.length}`;
      named(operator, inputs, [output], attributes);
      return output;
    },
  };
}
