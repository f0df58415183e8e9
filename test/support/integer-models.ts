import {
  float32Bytes,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
  onnxType,
  writeOnnx,
} from '../../cli/demo-model/onnx-writer.ts';

/** Integers from one seed, the same on every machine. */
export interface Draw {
  /** From `least` to `most`, both included. */
  between(least: number, most: number): number;
  oneOf<T>(choices: readonly T[]): T;
}

export function drawFrom(seed: number): Draw {
  let state = (seed * 2_654_435_761 + 88_172_645) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const between = (least: number, most: number): number => least + (next() % (most - least + 1));
  return { between, oneOf: (choices) => choices[between(0, choices.length - 1)] as (typeof choices)[number] };
}

export interface IntegerModel {
  readonly name: string;
  readonly onnx: Uint8Array;
  readonly inputs: number;
  readonly datatype: 'UINT8' | 'INT8' | 'UINT16' | 'INT16';
}

/** Nodes one behind the other, from "x" on. */
interface Chain {
  readonly nodes: OnnxNode[];
  readonly constants: OnnxTensor[];
  at: string;
}

export const LARGEST_WEIGHT = 64;

export function integers(
  name: string,
  type: OnnxType,
  dimensions: readonly number[],
  values: readonly number[],
): OnnxTensor {
  const size = type === onnxType.int32 ? 4 : type === onnxType.int64 ? 8 : 1;
  const data = new Uint8Array(values.length * size);
  const view = new DataView(data.buffer);
  values.forEach((value, index) => {
    if (size === 8) view.setBigInt64(8 * index, BigInt(value), true);
    else if (size === 4) view.setInt32(4 * index, value, true);
    else view.setInt8(index, value);
  });
  return { name, type, dimensions, data };
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
}

function then(chain: Chain, operator: string, constants: readonly OnnxTensor[], options: NodeOptions = {}): void {
  const output = `v${chain.nodes.length}`;
  for (const constant of constants) {
    if (!chain.constants.some(({ name }) => name === constant.name)) chain.constants.push(constant);
  }
  chain.nodes.push({
    operator,
    inputs: [chain.at, ...constants.map(({ name }) => name)],
    outputs: [output],
    ...options,
  });
  chain.at = output;
}

const TYPES = { UINT8: onnxType.uint8, INT8: onnxType.int8, UINT16: 4, INT16: 5 } as const;

export function finish(
  chain: Pick<Chain, 'nodes' | 'constants' | 'at'>,
  shape: { readonly inputs: number; readonly outputs: number; readonly datatype: IntegerModel['datatype'] },
  output: OnnxType = onnxType.int32,
): Uint8Array {
  return writeOnnx({
    producer: 'test',
    irVersion: 8,
    operatorSets: { '': 17, 'ai.onnx.ml': 3 },
    graph: {
      name: 'integers',
      nodes: chain.nodes,
      initializers: chain.constants,
      inputs: [{ name: 'x', type: TYPES[shape.datatype] as OnnxType, dimensions: ['batch', shape.inputs] }],
      outputs: [{ name: chain.at, type: output, dimensions: ['batch', shape.outputs] }],
    },
  });
}

/** Bytes times bytes, and a bias where the layer has one. */
function addProduct(chain: Chain, draw: Draw, from: number, to: number): void {
  const number = chain.nodes.length;
  const largest = draw.oneOf([1, 8, LARGEST_WEIGHT]);
  const weights = Array.from({ length: from * to }, () => draw.between(-largest, largest));
  then(chain, 'MatMulInteger', [integers(`w${number}`, onnxType.int8, [from, to], weights)]);
  if (draw.between(0, 3) === 0) return;
  const bias = Array.from({ length: to }, () => draw.between(-20_000, 20_000));
  const dimensions = draw.oneOf([[to], [1, to]]);
  then(chain, 'Add', [integers(`b${number}`, onnxType.int32, dimensions, bias)]);
}

/** To bytes again, in one of the ways that exporters have. */
function addRectification(chain: Chain, draw: Draw): void {
  const constant = (name: string, value: number): OnnxTensor =>
    integers(`${name}${value}`, onnxType.int32, [], [value]);
  const divisor = constant('divisor', 2 ** draw.between(0, 10));
  const most = draw.oneOf([255, 255, 127, 100, 1, 200]);
  switch (draw.between(0, 3)) {
    case 0:
      then(chain, 'Relu', []);
      then(chain, 'Div', [divisor]);
      then(chain, 'Min', [constant('most', most)]);
      break;
    case 1:
      then(chain, 'Max', [constant('least', 0)]);
      then(chain, 'Div', [divisor]);
      then(chain, 'Clip', [constant('least', 0), constant('most', most)]);
      break;
    case 2:
      then(chain, 'Clip', [constant('least', 0), constant('most', 255 * 16 + 15)]);
      then(chain, 'Div', [constant('divisor', 16)]);
      break;
    default:
      then(chain, 'Relu', []);
      then(chain, 'Min', [constant('most', most)]);
  }
  then(chain, 'Cast', [], { attributes: { to: { int: onnxType.uint8 } } });
}

/** widths[0] inputs, and so on to as many outputs as the last says. */
export function networkModel(seed: number, widths: readonly number[]): IntegerModel {
  const draw = drawFrom(seed);
  const chain: Chain = { nodes: [], constants: [], at: 'x' };
  const [inputs = 1, ...layers] = widths;
  const datatype = layers.length === 1 ? draw.oneOf(['UINT8', 'INT8'] as const) : 'UINT8';
  let before = inputs;
  layers.forEach((width, index) => {
    addProduct(chain, draw, before, width);
    if (index < layers.length - 1) addRectification(chain, draw);
    before = width;
  });
  if (draw.between(0, 1) === 0) then(chain, 'Relu', []);
  const onnx = finish(chain, { inputs, outputs: before, datatype });
  return { name: `network ${seed}: ${widths.join('-')}`, onnx, inputs, datatype };
}

interface Columns {
  readonly nodes: { tree: number; id: number; mode: string; feature: number; value: number; yes: number; no: number }[];
  readonly leaves: { tree: number; id: number; target: number; weight: number }[];
}

export function forestModel(
  seed: number,
  shape: { inputs: number; trees: number; depth: number; targets: number },
): IntegerModel {
  const draw = drawFrom(seed);
  const columns: Columns = { nodes: [], leaves: [] };
  const withBase = draw.between(0, 1) === 0;
  const datatype = draw.oneOf(['UINT8', 'INT8', 'UINT16', 'INT16'] as const);
  const [least, most] = { UINT8: [0, 255], INT8: [-128, 127], UINT16: [0, 65_535], INT16: [-32_768, 32_767] }[
    datatype
  ] as [number, number];
  for (let tree = 0; tree < shape.trees; tree++) {
    let next = 0;
    const grow = (depth: number): number => {
      const id = next++;
      const node = { tree, id, mode: 'LEAF', feature: 0, value: 0, yes: 0, no: 0 };
      columns.nodes.push(node);
      if (depth === shape.depth || (depth > 0 && draw.between(0, 4) === 0)) {
        for (let target = 0; target < shape.targets; target++) {
          if (withBase || draw.between(0, 9) > 0)
            columns.leaves.push({ tree, id, target, weight: draw.between(-9_999, 9_999) });
        }
        if (!columns.leaves.some((leaf) => leaf.tree === tree && leaf.id === id)) {
          columns.leaves.push({ tree, id, target: 0, weight: 1 });
        }
        return id;
      }
      node.mode = draw.oneOf(['BRANCH_LEQ', 'BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GT', 'BRANCH_GTE']);
      node.feature = draw.between(0, shape.inputs - 1);
      node.value = draw.between(least, most) + draw.oneOf([0, 0.5]);
      node.yes = grow(depth + 1);
      node.no = grow(depth + 1);
      return id;
    };
    grow(0);
  }
  const { nodes, leaves } = columns;
  const chain: Chain = { nodes: [], constants: [], at: 'x' };
  then(chain, 'Cast', [], { attributes: { to: { int: onnxType.float32 } } });
  const base = !withBase
    ? {}
    : { base_values: { floats: Array.from({ length: shape.targets }, () => draw.between(-99, 99)) } };
  then(chain, 'TreeEnsembleRegressor', [], {
    domain: 'ai.onnx.ml',
    attributes: {
      n_targets: { int: shape.targets },
      nodes_treeids: { ints: nodes.map(({ tree }) => tree) },
      nodes_nodeids: { ints: nodes.map(({ id }) => id) },
      nodes_featureids: { ints: nodes.map(({ feature }) => feature) },
      nodes_values: { floats: nodes.map(({ value }) => value) },
      nodes_modes: { texts: nodes.map(({ mode }) => mode) },
      nodes_truenodeids: { ints: nodes.map(({ yes }) => yes) },
      nodes_falsenodeids: { ints: nodes.map(({ no }) => no) },
      target_treeids: { ints: leaves.map(({ tree }) => tree) },
      target_nodeids: { ints: leaves.map(({ id }) => id) },
      target_ids: { ints: leaves.map(({ target }) => target) },
      target_weights: { floats: leaves.map(({ weight }) => weight) },
      ...base,
    },
  });
  then(chain, 'Cast', [], { attributes: { to: { int: onnxType.int64 } } });
  const onnx = finish(chain, { inputs: shape.inputs, outputs: shape.targets, datatype }, onnxType.int64);
  return { name: `forest ${seed}: ${shape.trees} of depth ${shape.depth}`, onnx, inputs: shape.inputs, datatype };
}

/** A float constant, where a test wants one that is refused. */
export function floats(name: string, values: readonly number[]): OnnxTensor {
  return { name, type: onnxType.float32, dimensions: [values.length], data: float32Bytes(values) };
}

const RANGES = { UINT8: [0, 255], INT8: [-128, 127], UINT16: [0, 65_535], INT16: [-32_768, 32_767] } as const;

/** Rows at the ends of the range, alone and in company, and rows of every size between. */
export function rowsFor({ inputs, datatype }: IntegerModel, draw: Draw, count: number): readonly (readonly number[])[] {
  const [least, most] = RANGES[datatype];
  const row = (value: (at: number) => number): readonly number[] =>
    Array.from({ length: inputs }, (_, at) => value(at));
  const ends = [row(() => least), row(() => most), row(() => 0), row((at) => (at % 2 === 0 ? least : most))];
  const alone = Array.from({ length: Math.min(inputs, 16) }, (_, one) => row((at) => (at === one ? most : least)));
  const random = Array.from({ length: count }, () => {
    const size = draw.oneOf([1, 8, most]);
    const kind = draw.between(0, 2);
    return row(() =>
      kind === 0 ? draw.oneOf([least, most]) : draw.between(Math.max(least, -size), Math.min(most, size)),
    );
  });
  return [...ends, ...alone, ...random];
}
