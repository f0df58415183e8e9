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
  /** Matrices that `random` would give, side by side in one. */
  beside(name: string, rows: number, parts: readonly Part[]): string;
  floats(name: string, dimensions: readonly number[], values: ArrayLike<number>): string;
  /** A vector, or a scalar where one number is given; equal ones are stored once. */
  integers(values: readonly number[] | number): string;
}

export interface Part {
  readonly name: string;
  readonly columns: number;
  readonly deviation: number;
}

export function createWeights(seed: number): Weights {
  const tensors = new Map<string, OnnxTensor>();
  const keep = (name: string, make: () => OnnxTensor): string => {
    if (!tensors.has(name)) tensors.set(name, make());
    return name;
  };
  const floats: Weights['floats'] = (name, dimensions, values) =>
    keep(name, () => ({ name, type: onnxType.float32, dimensions, data: float32Bytes(values) }));
  const valuesOf = (name: string, dimensions: readonly number[], deviation: number): Float32Array => {
    const count = dimensions.reduce((product, size) => product * size, 1);
    return normals(readU32(sha256(utf8(`${seed} ${name}`)), 0), count, deviation);
  };
  return {
    get tensors() {
      return [...tensors.values()];
    },
    floats,
    random: (name, dimensions, deviation) => floats(name, dimensions, valuesOf(name, dimensions, deviation)),
    beside: (name, rows, parts) => {
      const width = parts.reduce((sum, { columns }) => sum + columns, 0);
      const values = new Float32Array(rows * width);
      let start = 0;
      for (const { name: part, columns, deviation } of parts) {
        const source = valuesOf(part, [rows, columns], deviation);
        for (let row = 0; row < rows; row++) {
          values.set(source.subarray(row * columns, (row + 1) * columns), row * width + start);
        }
        start += columns;
      }
      return floats(name, [rows, width], values);
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
