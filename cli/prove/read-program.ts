import { FLOAT32_EXACT, greater, hull, type Interval, isWithin, lesser } from '../../contracts/integer/bounds.ts';
import { type Layer, type Program, parseProgram, type Rectification } from '../../contracts/integer/program.ts';
import { type Constant, rangeOf } from './onnx-constants.ts';
import { type Graph, type GraphNode, type GraphValue, readGraph } from './onnx-graph.ts';
import { ReadError } from './read-error.ts';
import { readForest } from './read-forest.ts';

const type = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;

/** What flows through the chain of nodes, as far as it has been followed. */
interface Live {
  readonly name: string;
  readonly type: number;
  readonly inputs: Program['inputs'];
  readonly layers: readonly Layer[];
  readonly bounds: readonly Interval[];
}

/**
 * Reads an ONNX model as an integer program by following its one value from the input to the output. Nothing is skipped
 * and nothing approximated: an operator that is not known here, or whose numbers leave what it computes exactly, ends it.
 */
export function readProgram(onnx: Uint8Array): Program {
  const graph = readGraph(onnx);
  const [input, output] = signatureOf(graph);
  const count = input.shape[1] as number;
  const range = rangeOf(input.type);
  if (range === undefined) throw new ReadError('signature', `input "${input.name}"`, 'its elements are no integers');
  let live: Live = {
    name: input.name,
    type: input.type,
    inputs: { count, range },
    layers: [],
    bounds: Array.from({ length: count }, () => range),
  };
  for (const node of graph.nodes) live = follow(live, node, graph.constants);
  if (live.name !== output.name || live.type !== output.type) {
    throw new ReadError('not_a_chain', `output "${output.name}"`, 'it is not what the last node gives');
  }
  if (rangeOf(live.type) === undefined) {
    throw new ReadError('signature', `output "${output.name}"`, 'it is no integer: a final Cast makes it one');
  }
  return parseProgram(live);
}

function signatureOf({ inputs, outputs, constants }: Graph): readonly [GraphValue, GraphValue] {
  const [input, ...others] = inputs;
  const [output, ...more] = outputs;
  if (input === undefined || output === undefined || others.length + more.length > 0) {
    throw new ReadError('signature', 'the model', 'it has not one input and one output');
  }
  if (constants.has(input.name)) throw new ReadError('signature', `input "${input.name}"`, 'the file gives it a value');
  for (const { name, shape } of [input, output]) {
    const row = shape.length === 2 && (shape[0] === 'free' || shape[0] === 1) && typeof shape[1] === 'number';
    if (!row) throw new ReadError('signature', `"${name}"`, 'its shape is not [batch, number]');
  }
  return [input, output];
}

type Step = (live: Live, given: Given) => Partial<Live>;

interface Given {
  readonly node: GraphNode;
  /** The inputs behind the live one, in order; null where one is left out. */
  readonly constants: readonly (Constant | null)[];
}

function follow(live: Live, node: GraphNode, constants: ReadonlyMap<string, Constant>): Live {
  const key = node.domain === '' || node.domain === 'ai.onnx' ? node.operator : `${node.domain}.${node.operator}`;
  const step = Object.hasOwn(steps, key) ? steps[key] : undefined;
  if (step === undefined) throw new ReadError('operator', node.name, `${key} is no operator of an integer program`);
  const places = node.inputs.flatMap((name, at) => (name === live.name ? [at] : []));
  const [place, ...again] = places;
  const either = EITHER_SIDE.has(key);
  if (place === undefined || again.length > 0 || (place > 0 && !either)) {
    throw new ReadError('not_a_chain', node.name, 'it does not take what the node before it gave, once and first');
  }
  const given = node.inputs.filter((_, at) => at !== place).map((name) => (name === '' ? null : constants.get(name)));
  if (given.includes(undefined)) throw new ReadError('not_a_chain', node.name, 'a second input is not a constant');
  const [name, ...outputs] = node.outputs;
  if (name === undefined || outputs.length > 0) throw new ReadError('not_a_chain', node.name, 'it has not one output');
  const next = { ...live, ...step(live, { node, constants: given as readonly (Constant | null)[] }), name };
  return next.layers === live.layers ? next : { ...next, bounds: parseProgram(next).outputs };
}

const EITHER_SIDE: ReadonlySet<string> = new Set(['Add', 'Min', 'Max']);

const steps: Readonly<Record<string, Step>> = {
  MatMulInteger: (live, { node, constants }) => {
    const [weights, ...zeroPoints] = constants;
    const bytes: readonly number[] = [type.uint8, type.int8];
    if (!bytes.includes(live.type) || !bytes.includes(weights?.type ?? 0)) {
      throw new ReadError('constant', node.name, 'it does not multiply bytes');
    }
    for (const point of zeroPoints) {
      if (point !== null && integersOf(point, node).some((value) => value !== 0n)) {
        throw new ReadError('operator', node.name, 'a zero point that is not zero');
      }
    }
    const layer = product(live, { node, constants });
    // VPMADDUBSW adds two products in sixteen bits that saturate, and engines use it where it is fastest.
    const largest = greatest(layer.weights.flat());
    if (2n * greatest(live.bounds.flatMap(({ least, most }) => [least, most])) * largest >= 2n ** 15n) {
      throw new ReadError(
        'not_exact',
        node.name,
        `two products with a weight of ${largest} saturate on some processors`,
      );
    }
    return { type: type.int32, layers: [...live.layers, layer] };
  },
  MatMul: (live, given) => {
    requireWide(live, given.node);
    requireType(live, given.constants[0], given.node);
    return { layers: [...live.layers, product(live, given)] };
  },
  Add: (live, { node, constants }) => {
    requireWide(live, node);
    requireType(live, constants[0], node);
    const layer = live.layers.at(-1);
    const bias = broadcast(constants[0], live.bounds.length, node);
    const add = (before: readonly bigint[]): readonly bigint[] => before.map((own, at) => own + (bias[at] ?? 0n));
    if (layer?.kind === 'dense' && layer.rectify === 'none') return changed(live, { ...layer, bias: add(layer.bias) });
    if (layer?.kind === 'forest') return changed(live, { ...layer, base: add(layer.base) });
    throw new ReadError('operator', node.name, 'it adds to what is no product and no sum of trees');
  },
  Relu: (live, { node }) => rectify(live, node, { shift: 0, most: 'any' }),
  Max: (live, { node, constants }) => {
    requireType(live, constants[0], node);
    return atLeast(live, node, scalar(constants[0], node));
  },
  Min: (live, { node, constants }) => {
    requireType(live, constants[0], node);
    return atMost(live, node, scalar(constants[0], node));
  },
  Clip: (live, { node, constants }) => {
    const [least = null, most = null] = constants;
    const low = least === null ? live : { ...live, ...atLeast(live, node, scalar(least, node)) };
    const bounded = low.layers === live.layers ? low : { ...low, bounds: parseProgram(low).outputs };
    return most === null ? bounded : { ...bounded, ...atMost(bounded, node, scalar(most, node)) };
  },
  Div: (live, { node, constants }) => {
    requireType(live, constants[0], node);
    const divisor = scalar(constants[0], node);
    const shift = divisor > 0n ? divisor.toString(2).length - 1 : 0;
    if (divisor !== 2n ** BigInt(shift)) {
      throw new ReadError('operator', node.name, `it divides by ${divisor}, which is no power of two`);
    }
    // Towards zero, which is a shift only for what is not negative.
    requireNotNegative(live, node);
    return rectify(live, node, { shift, most: 'any' });
  },
  Cast: (live, { node }) => {
    const to = Number(node.attributes.get('to')?.integers[0] ?? 0n);
    const range = to === type.float32 ? FLOAT32_EXACT : rangeOf(to);
    if (range === undefined) throw new ReadError('operator', node.name, `a Cast to element type ${to}`);
    const values = hull(live.bounds);
    if (!isWithin(values, range)) {
      throw new ReadError('not_exact', node.name, `values from ${values.least} to ${values.most} do not fit its type`);
    }
    return { type: to };
  },
  Identity: () => ({}),
  'ai.onnx.ml.TreeEnsembleRegressor': (live, { node }) => {
    const compared: readonly number[] = [type.float32, type.int32, type.int64];
    if (!compared.includes(live.type))
      throw new ReadError('operator', node.name, 'it compares what is no number of its');
    return { type: type.float32, layers: [...live.layers, readForest(node)] };
  },
};

function product(live: Live, { node, constants }: Given): Extract<Layer, { kind: 'dense' }> {
  const [constant] = constants;
  const [rows, columns, ...more] = constant?.dimensions ?? [];
  if (constant == null || rows !== live.bounds.length || columns === undefined || more.length > 0) {
    throw new ReadError('constant', node.name, `its weights are not [${live.bounds.length}, number]`);
  }
  const values = integersOf(constant, node);
  const weights = Array.from({ length: columns }, (_, to) =>
    Array.from({ length: rows }, (__, from) => values[from * columns + to] ?? 0n),
  );
  return { kind: 'dense', weights, bias: weights.map(() => 0n), rectify: 'none' };
}

function atLeast(live: Live, node: GraphNode, bound: bigint): Partial<Live> {
  if (bound === 0n) return rectify(live, node, { shift: 0, most: 'any' });
  if (live.bounds.every(({ least }) => least >= bound)) return {};
  throw new ReadError('operator', node.name, `it keeps values above ${bound}; only 0 is a rectification`);
}

function atMost(live: Live, node: GraphNode, bound: bigint): Partial<Live> {
  if (live.bounds.every(({ most }) => most <= bound)) return {};
  requireNotNegative(live, node);
  if (bound < 0n) throw new ReadError('operator', node.name, `it keeps what is not negative below ${bound}`);
  return rectify(live, node, { shift: 0, most: bound });
}

/** One rectification after another is one: min(b, min(a, x div 2^s) div 2^t) = min(b, a div 2^t, x div 2^(s + t)). */
function rectify(live: Live, node: GraphNode, { shift, most }: Rectification): Partial<Live> {
  const layer = live.layers.at(-1);
  const idle = shift === 0 && most === 'any' && live.bounds.every(({ least }) => least >= 0n);
  if (idle) return {};
  if (layer?.kind !== 'dense') throw new ReadError('operator', node.name, 'it rectifies what is no product');
  const before: Rectification = layer.rectify === 'none' ? { shift: 0, most: 'any' } : layer.rectify;
  const kept = before.most === 'any' ? 'any' : before.most >> BigInt(shift);
  const bounds = [kept, most].filter((bound): bound is bigint => bound !== 'any');
  const [first] = bounds;
  const both = first === undefined ? 'any' : bounds.reduce(lesser, first);
  return changed(live, { ...layer, rectify: { shift: before.shift + shift, most: both } });
}

function changed(live: Live, layer: Layer): Partial<Live> {
  return { layers: [...live.layers.slice(0, -1), layer] };
}

function requireNotNegative({ bounds }: Live, node: GraphNode): void {
  const { least } = hull(bounds);
  if (least < 0n) throw new ReadError('not_exact', node.name, `what it takes can be ${least}`);
}

function requireWide(live: Live, node: GraphNode): void {
  if (live.type === type.int32 || live.type === type.int64) return;
  throw new ReadError('operator', node.name, 'it computes in a type that is neither INT32 nor INT64');
}

function requireType(live: Live, constant: Constant | null | undefined, node: GraphNode): void {
  if (constant?.type === live.type) return;
  throw new ReadError('constant', node.name, 'its constant is missing or of another type');
}

function integersOf(constant: Constant, node: GraphNode): readonly bigint[] {
  if (constant.values !== 'not read') return constant.values;
  throw new ReadError('constant', node.name, 'a constant is not of integers');
}

function scalar(constant: Constant | null | undefined, node: GraphNode): bigint {
  const [value, ...more] = constant == null ? [] : integersOf(constant, node);
  if (value === undefined || more.length > 0) throw new ReadError('constant', node.name, 'a bound is not one integer');
  return value;
}

/** One value for each column, or one for all. */
function broadcast(constant: Constant | null | undefined, columns: number, node: GraphNode): readonly bigint[] {
  const values = constant == null ? [] : integersOf(constant, node);
  const row = constant?.dimensions.every((size, at, all) => at === all.length - 1 || size === 1) ?? false;
  const [only] = values;
  if (row && values.length === columns) return values;
  if (row && values.length === 1 && only !== undefined) return Array.from({ length: columns }, () => only);
  throw new ReadError('constant', node.name, `it does not add a row of ${columns}`);
}

function greatest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => greater(most, greater(value, -value)), 0n);
}
