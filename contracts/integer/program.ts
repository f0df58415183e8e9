import { FLOAT32_EXACT, hull, INT32, type Interval, isWithin, partialSums, sum, times } from './bounds.ts';
import { IntegerError } from './errors.ts';
import { checkForest, type Forest, forestBounds } from './forest.ts';
import { programLimits } from './limits.ts';

/** value -> min(most, max(0, value) div 2^shift) */
export interface Rectification {
  readonly shift: number;
  readonly most: bigint | 'any';
}

/** value[to] = sum over from of before[from] weights[to][from], plus bias[to]; then rectified. */
export interface Dense {
  readonly kind: 'dense';
  /** By output: one weight for each value before. */
  readonly weights: readonly (readonly bigint[])[];
  readonly bias: readonly bigint[];
  readonly rectify: Rectification | 'none';
}

export type Layer = Dense | Forest;

/** A model in integers as somebody reads or makes it: nothing is known of it yet. */
export interface Draft {
  readonly inputs: { readonly count: number; readonly range: Interval };
  readonly layers: readonly Layer[];
}

export interface Bounded<L extends Layer = Layer> {
  readonly layer: L;
  /** Of each value before it is rectified. */
  readonly sums: readonly Interval[];
  readonly values: readonly Interval[];
}

/**
 * The closed form of what can be recomputed and proved: integers through linear layers with rectification and through
 * forests. Whatever the inputs within their range, no accumulator leaves 32 bits in whatever order it is added up, and no
 * sum of leaves leaves what a 32-bit float holds; so the engine, a contract and a circuit have the same integers.
 */
export interface Program {
  readonly inputs: { readonly count: number; readonly range: Interval };
  readonly layers: readonly Bounded[];
  readonly outputs: readonly Interval[];
  /** Multiplications of a run; what is multiplied by zero counts. */
  readonly products: number;
}

export function parseProgram({ inputs, layers }: Draft): Program {
  requireSize(inputs.count, programLimits.width, 'inputs');
  requireSize(layers.length, programLimits.layers, 'layers');
  if (inputs.range.least > inputs.range.most || !isWithin(inputs.range, INT32)) {
    throw new IntegerError('program_number', 'the inputs have no range of 32 bits');
  }
  const products = layers.reduce((all, layer) => all + productsOf(layer), 0);
  if (products > programLimits.weights) throw new IntegerError('program_too_large', `${products} weights`);
  let before: readonly Interval[] = Array.from({ length: inputs.count }, () => inputs.range);
  const bounded = layers.map((layer, index) => {
    const next = layer.kind === 'dense' ? boundDense(layer, before, index) : boundForest(layer, before, index);
    before = next.values;
    return next;
  });
  return { inputs, layers: bounded, outputs: before, products };
}

/** The most and the least of all that a rectification gives. */
export function rectified({ least, most }: Interval, { shift, most: cap }: Rectification): Interval {
  const one = (value: bigint): bigint => {
    const kept = (value < 0n ? 0n : value) >> BigInt(shift);
    return cap !== 'any' && kept > cap ? cap : kept;
  };
  return { least: one(least), most: one(most) };
}

function boundDense(layer: Dense, before: readonly Interval[], index: number): Bounded<Dense> {
  const { weights, bias, rectify } = layer;
  requireSize(weights.length, programLimits.width, `outputs of layer ${index}`);
  if (bias.length !== weights.length || weights.some((row) => row.length !== before.length)) {
    throw new IntegerError('program_shape', `layer ${index} does not take the ${before.length} values before it`);
  }
  for (const number of [...weights.flat(), ...bias]) requireNumber(number, index);
  if (rectify !== 'none') checkRectification(rectify, index);
  const terms = weights.map((row, to) => {
    const own = bias[to] ?? 0n;
    return [...row.map((weight, from) => times(at(before, from), weight)), { least: own, most: own }];
  });
  if (!isWithin(hull(terms.map(partialSums)), INT32)) {
    throw new IntegerError('program_overflow', `an accumulator of layer ${index} can leave 32 bits`);
  }
  const sums = terms.map(sum);
  return { layer, sums, values: rectify === 'none' ? sums : sums.map((each) => rectified(each, rectify)) };
}

function boundForest(layer: Forest, before: readonly Interval[], index: number): Bounded<Forest> {
  checkForest(layer, before.length, index);
  // The engine compares and adds 32-bit floats.
  if (!isWithin(hull(before), FLOAT32_EXACT)) {
    throw new IntegerError('program_overflow', `a value before the trees of layer ${index} can be beyond 2^24`);
  }
  const { sums, partial } = forestBounds(layer);
  if (!isWithin(hull(partial), FLOAT32_EXACT)) {
    throw new IntegerError('program_overflow', `a sum of leaves of layer ${index} can be beyond 2^24`);
  }
  return { layer, sums, values: sums };
}

function productsOf(layer: Layer): number {
  return layer.kind === 'dense' ? layer.weights.reduce((all, row) => all + row.length, 0) : 0;
}

function checkRectification({ shift, most }: Rectification, index: number): void {
  const fits =
    Number.isInteger(shift) && shift >= 0 && shift < 31 && (most === 'any' || (most >= 0n && most <= INT32.most));
  if (!fits) throw new IntegerError('program_number', `layer ${index} is rectified by no shift or to no bound`);
}

function requireNumber(number: bigint, index: number): void {
  if (number >= -programLimits.number && number < programLimits.number) return;
  throw new IntegerError('program_number', `a constant of layer ${index} has more than 32 bits`);
}

function requireSize(size: number, most: number, what: string): void {
  if (size >= 1 && size <= most) return;
  throw new IntegerError('program_too_large', `${size} ${what}; there are 1 to ${most}`);
}

function at(intervals: readonly Interval[], index: number): Interval {
  const found = intervals[index];
  if (found === undefined) throw new IntegerError('program_shape', `no value ${index}`);
  return found;
}
