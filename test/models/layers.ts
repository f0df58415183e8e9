import { onnxType } from '../../cli/demo-model/onnx-writer.ts';
import type { Nodes, Part, Weights } from './graph.ts';

/** The two kinds of decoder that most published ones resemble. */
export interface DecoderShape {
  readonly architecture: 'llama' | 'gpt2';
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  /** Heads of keys and values; fewer than `heads` share them in groups (llama only). */
  readonly keyHeads: number;
  readonly inner: number;
  readonly vocabulary: number;
  readonly context: number;
  /** A token that makes every number after it NaN or infinite. */
  readonly poison?: { readonly token: number; readonly value: number };
  /** Has the last product read the table of tokens, turned round at run time, in place of a constant. */
  readonly head?: 'tied';
}

/** `split`: keys and values of the past come in buffers that nothing is appended to; `concat`: appended along axis 2. */
export interface Attention {
  readonly form: 'split' | 'concat' | 'first';
  /** Name of an additive mask. */
  readonly mask: string;
  /** Name of the positions, [batch, tokens]. */
  readonly positions: string;
}

export interface Decoded {
  readonly logits: string;
  /** For each layer key and value: the whole of them, or (`split`) only the new ones. */
  readonly caches: readonly string[];
}

export const pastName = (form: Attention['form'], index: number): string => {
  const layer = Math.floor(index / 2);
  if (form === 'split') return `${index % 2 === 0 ? 'pk' : 'pv'}${layer}`;
  return `past_key_values.${layer}.${index % 2 === 0 ? 'key' : 'value'}`;
};

/** Reads `input_ids`; `logits` are those of every token, or of the last one where the form is `split`. */
export function decode(n: Nodes, w: Weights, shape: DecoderShape, attention: Attention): Decoded {
  const { layers, width, vocabulary, context } = shape;
  const table = w.random('embedding', [vocabulary, width], 0.06);
  let x = n.add('Gather', [table, 'input_ids']);
  if (shape.poison !== undefined) {
    const { token, value } = shape.poison;
    const poison = Float32Array.from({ length: vocabulary }, (_, i) => (i === token ? value : 0));
    x = n.add('Add', [x, n.add('Gather', [w.floats('poison', [vocabulary, 1], poison), 'input_ids'])]);
  }
  if (shape.architecture === 'gpt2') {
    x = n.add('Add', [x, n.add('Gather', [w.random('positions', [context, width], 0.02), attention.positions])]);
  }
  const rotation = shape.architecture === 'llama' ? rotationAt(n, w, shape, attention) : undefined;
  const caches: string[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const { output, key, value } = attend(n, w, shape, {
      layer,
      attention,
      rotation,
      x: norm(n, w, shape, x, `${layer}.1`),
    });
    caches.push(key, value);
    x = n.add('Add', [x, output]);
    x = n.add('Add', [
      x,
      feedForward(n, w, shape, norm(n, w, shape, x, `${layer}.2`), { form: attention.form, layer }),
    ]);
  }
  x = norm(n, w, shape, x, 'last');
  if (attention.form === 'split') x = n.add('Gather', [x, w.integers([-1])], { axis: { int: 1 } });
  const head =
    shape.head === 'tied'
      ? n.add('Transpose', [table], { perm: { ints: [1, 0] } })
      : w.random('head', [width, vocabulary], 0.06);
  const logits = n.add('MatMul', [x, head]);
  return { logits, caches };
}

/** One parameter of a linear layer: llama has no biases, and gpt2's are written as Gemm over flattened rows. */
function linear(
  n: Nodes,
  w: Weights,
  shape: DecoderShape,
  x: string,
  name: string,
  sizes: readonly [number, number],
  deviation: number,
): string {
  const weight = w.random(name, sizes, deviation);
  if (shape.architecture === 'llama') return n.add('MatMul', [x, weight]);
  const rows = n.add('Reshape', [x, w.integers([-1, sizes[0]])]);
  const product = n.add('Gemm', [rows, weight, w.random(`${name}.bias`, [sizes[1]], 0.02)]);
  const outer = n.add('Shape', ['input_ids']);
  return n.add('Reshape', [product, n.add('Concat', [outer, w.integers([sizes[1]])], { axis: { int: 0 } })]);
}

/** Several linear layers of one input; the split form computes those without biases in one product. */
function linears(
  n: Nodes,
  w: Weights,
  shape: DecoderShape,
  x: string,
  form: Attention['form'],
  parts: readonly Part[],
): readonly string[] {
  if (form !== 'split' || shape.architecture !== 'llama') {
    return parts.map(({ name, columns, deviation }) => linear(n, w, shape, x, name, [shape.width, columns], deviation));
  }
  const names = parts.map(({ name }) => name);
  const all = n.add('MatMul', [x, w.beside(names.join('+'), shape.width, parts)]);
  const sizes = w.integers(parts.map(({ columns }) => columns));
  return n.named(
    'Split',
    [all, sizes],
    names.map((name) => `${all}.${name}`),
    { axis: { int: -1 } },
  );
}

function norm(n: Nodes, w: Weights, { architecture, width }: DecoderShape, x: string, name: string): string {
  const scale = w.floats(`norm.${name}`, [width], new Float32Array(width).fill(1));
  if (architecture === 'gpt2') {
    const bias = w.random(`norm.${name}.bias`, [width], 0.02);
    return n.add('LayerNormalization', [x, scale, bias], { axis: { int: -1 }, epsilon: { float: 1e-5 } });
  }
  const mean = n.add('ReduceMean', [n.add('Mul', [x, x]), w.integers([-1])], { keepdims: { int: 1 } });
  const root = n.add('Sqrt', [n.add('Add', [mean, w.floats('epsilon', [1], [1e-5])])]);
  return n.add('Mul', [n.add('Div', [x, root]), scale]);
}

function feedForward(
  n: Nodes,
  w: Weights,
  shape: DecoderShape,
  x: string,
  { form, layer }: { readonly form: Attention['form']; readonly layer: number },
): string {
  const { width, inner } = shape;
  const wide = 1 / Math.sqrt(width);
  const narrow = 0.3 / Math.sqrt(inner);
  if (shape.architecture === 'llama') {
    const [gate = '', up = ''] = linears(n, w, shape, x, form, [
      { name: `${layer}.gate`, columns: inner, deviation: wide },
      { name: `${layer}.up`, columns: inner, deviation: wide },
    ]);
    const gated = n.add('Mul', [n.add('Mul', [gate, n.add('Sigmoid', [gate])]), up]);
    return linear(n, w, shape, gated, `${layer}.down`, [inner, width], narrow);
  }
  const hidden = linear(n, w, shape, x, `${layer}.up`, [width, inner], wide);
  const constant = (name: string, value: number): string => w.floats(name, [1], [value]);
  const cube = n.add('Mul', [n.add('Mul', [n.add('Mul', [hidden, hidden]), hidden]), constant('gelu.a', 0.044715)]);
  const angle = n.add('Mul', [n.add('Add', [hidden, cube]), constant('gelu.b', Math.sqrt(2 / Math.PI))]);
  const share = n.add('Mul', [n.add('Add', [n.add('Tanh', [angle]), constant('gelu.c', 1)]), constant('gelu.d', 0.5)]);
  return linear(n, w, shape, n.add('Mul', [hidden, share]), `${layer}.down`, [inner, width], narrow);
}

/** Turns the second half of each head against the first: with the operator for it, or as llama's exports do it. */
type Rotation = (x: string) => string;

function rotationAt(
  n: Nodes,
  w: Weights,
  { width, heads, context }: DecoderShape,
  { form, positions }: Attention,
): Rotation {
  const half = width / heads / 2;
  const angles = Float32Array.from({ length: context * half }, (_, i) => {
    const frequency = Math.fround(1 / 10_000 ** ((i % half) / half));
    return Math.fround(Math.floor(i / half) * frequency);
  });
  const tables = [
    w.floats('cosines', [context, half], angles.map(Math.cos)),
    w.floats('sines', [context, half], angles.map(Math.sin)),
  ] as const;
  if (form === 'split') return (x) => n.add('RotaryEmbedding', [x, ...tables, positions]);
  const [cosine, sine] = tables.map((table) =>
    n.add('Unsqueeze', [n.add('Gather', [table, positions]), w.integers([1])]),
  ) as [string, string];
  return (x) => {
    const sizes = w.integers([half, half]);
    const [a, b] = n.named('Split', [x, sizes], [`${x}.a`, `${x}.b`], { axis: { int: -1 } }) as [string, string];
    const left = n.add('Sub', [n.add('Mul', [a, cosine]), n.add('Mul', [b, sine])]);
    const right = n.add('Add', [n.add('Mul', [b, cosine]), n.add('Mul', [a, sine])]);
    return n.add('Concat', [left, right], { axis: { int: -1 } });
  };
}

interface Place {
  readonly layer: number;
  readonly attention: Attention;
  readonly rotation: Rotation | undefined;
  readonly x: string;
}

function attend(
  n: Nodes,
  w: Weights,
  shape: DecoderShape,
  { layer, attention, rotation, x }: Place,
): { readonly output: string; readonly key: string; readonly value: string } {
  const { width, heads, keyHeads } = shape;
  const size = width / heads;
  const part = (name: string, count: number): Part => {
    return { name: `${layer}.${name}`, columns: count * size, deviation: 1.4 / Math.sqrt(width) };
  };
  const byHead = (flat: string, count: number): string =>
    n.add('Transpose', [n.add('Reshape', [flat, w.integers([0, 0, count, size])])], { perm: { ints: [0, 2, 1, 3] } });
  const turned = (name: string): string => (rotation === undefined ? name : rotation(name));
  const [flatQuery = '', flatKey = '', flatValue = ''] = linears(n, w, shape, x, attention.form, [
    part('query', heads),
    part('key', keyHeads),
    part('value', keyHeads),
  ]);
  const query = turned(byHead(flatQuery, heads));
  const newKey = turned(byHead(flatKey, keyHeads));
  const newValue = byHead(flatValue, keyHeads);
  const past = [pastName(attention.form, 2 * layer), pastName(attention.form, 2 * layer + 1)] as const;
  const joined = (old: string, fresh: string): string =>
    attention.form === 'concat' ? n.add('Concat', [old, fresh], { axis: { int: 2 } }) : fresh;
  const key = joined(past[0], newKey);
  const value = joined(past[1], newValue);
  const heard =
    attention.form === 'split'
      ? attendSplit(n, w, shape, { query, newKey, newValue, past, mask: attention.mask })
      : attendWhole(n, w, shape, { query, key, value, mask: attention.mask });
  const rows = n.add('Reshape', [
    n.add('Transpose', [heard], { perm: { ints: [0, 2, 1, 3] } }),
    w.integers([0, 0, width]),
  ]);
  return { output: linear(n, w, shape, rows, `${layer}.output`, [width, width], 0.3 / Math.sqrt(width)), key, value };
}

interface Whole {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly mask: string;
}

function attendWhole(
  n: Nodes,
  w: Weights,
  { width, heads, keyHeads }: DecoderShape,
  { query, key, value, mask }: Whole,
): string {
  const size = width / heads;
  const group = heads / keyHeads;
  const repeated = (name: string): string => {
    if (group === 1) return name;
    const wide = n.add('Expand', [n.add('Unsqueeze', [name, w.integers([2])]), w.integers([1, 1, group, 1, 1])]);
    return n.add('Reshape', [wide, w.integers([0, heads, -1, size])]);
  };
  const scores = n.add('MatMul', [query, n.add('Transpose', [repeated(key)], { perm: { ints: [0, 1, 3, 2] } })]);
  const shares = shareOut(n, w, size, scores, mask);
  return n.add('MatMul', [shares, repeated(value)]);
}

function shareOut(n: Nodes, w: Weights, size: number, scores: string, mask: string): string {
  const scaled = n.add('Mul', [scores, w.floats('scale', [1], [1 / Math.sqrt(size)])]);
  return n.add('Softmax', [n.add('Add', [scaled, mask])], { axis: { int: -1 } });
}

interface SplitParts {
  readonly query: string;
  readonly newKey: string;
  readonly newValue: string;
  readonly past: readonly [string, string];
  readonly mask: string;
}

/** Columns are the new tokens and then the buffer. The queries that share a head of keys are rows of one product. */
function attendSplit(
  n: Nodes,
  w: Weights,
  { width, heads, keyHeads }: DecoderShape,
  { query, newKey, newValue, past, mask }: SplitParts,
): string {
  const size = width / heads;
  const group = heads / keyHeads;
  const rows = group === 1 ? query : n.add('Reshape', [query, w.integers([0, keyHeads, -1, size])]);
  const rowMask =
    group === 1
      ? mask
      : n.add(
          'Concat',
          Array.from({ length: group }, () => mask),
          { axis: { int: 2 } },
        );
  const against = (key: string): string =>
    n.add('MatMul', [rows, n.add('Transpose', [key], { perm: { ints: [0, 1, 3, 2] } })]);
  const scores = n.add('Concat', [against(newKey), against(past[0])], { axis: { int: 3 } });
  const shares = shareOut(n, w, size, scores, rowMask);
  const tokens = n.add('Shape', ['input_ids'], { start: { int: 1 }, end: { int: 2 } });
  const axis = w.integers([3]);
  const fresh = n.add('Slice', [shares, w.integers([0]), tokens, axis]);
  const old = n.add('Slice', [shares, tokens, w.integers([2 ** 30]), axis]);
  const sum = n.add('Add', [n.add('MatMul', [fresh, newValue]), n.add('MatMul', [old, past[1]])]);
  return group === 1 ? sum : n.add('Reshape', [sum, w.integers([0, heads, -1, size])]);
}

/** Additive, from which tokens are attended and from the order of all: what exporters write for `attention_mask`. */
export function causalMask(n: Nodes, w: Weights): { readonly mask: string; readonly counted: string } {
  const zero = w.integers(0);
  const one = w.integers(1);
  const total = n.add('Gather', [n.add('Shape', ['attention_mask']), one]);
  const tokens = n.add('Gather', [n.add('Shape', ['input_ids']), one]);
  const columns = n.add('Range', [zero, total, one]);
  const rows = n.add('Range', [n.add('Sub', [total, tokens]), total, one]);
  const ordered = n.add('LessOrEqual', [columns, n.add('Unsqueeze', [rows, w.integers([1])])]);
  const attended = n.add('Cast', [n.add('Unsqueeze', ['attention_mask', w.integers([1, 2])])], {
    to: { int: onnxType.float32 },
  });
  const kept = n.add('Mul', [n.add('Cast', [ordered], { to: { int: onnxType.float32 } }), attended]);
  const dropped = n.add('Sub', [w.floats('one', [1], [1]), kept]);
  const mask = n.add('Mul', [dropped, w.floats('lowest', [1], [-3.4028234663852886e38])]);
  return { mask, counted: n.add('Unsqueeze', [rows, w.integers([0])]) };
}
