import { GROUP_ORDER, modulo } from './field.ts';
import { HALF_BITS, HIGHEST_POSITION, NARROW_WINDOW, TABLES, WIDE_WINDOW } from './format.ts';

/** t0 G + t1 2^192 G + w Q + v R = O. */
export interface Relation {
  readonly digits: readonly PlacedDigit[];
  /** Lower is cheaper, in about a unit of gas. */
  readonly cost: number;
}

export interface PlacedDigit {
  readonly position: number;
  readonly table: number;
  /** The multiple is 2 index + 1. */
  readonly index: number;
  readonly negative: boolean;
}

/**
 * Gas of an addition and of a doubling with their slopes. The first digit at a position merges with the doubling before
 * it, which saves some.
 */
const DIGIT_COST = 2_170;
const POSITION_COST = 2_020;
const MERGING_SAVES = 350;
/** How far around the two shortest vectors relations are looked for: twice as far takes 10 ms more and saves 500 gas. */
const REACH = 6n;

/** Relations with short scalars, cheapest first, for R = u1 G + u2 Q. */
export function relations(u1: bigint, u2: bigint): readonly Relation[] {
  const [a, b] = shortVectors(u2);
  const found: Relation[] = [];
  for (let i = -REACH; i <= REACH; i++) {
    for (let j = 0n; j <= REACH; j++) {
      if (j === 0n && i <= 0n) continue;
      const w = a.w * j + b.w * i;
      const v = a.v * j + b.v * i;
      if (v !== 0n) found.push(...splits(u1, w, v));
    }
  }
  return found.sort((x, y) => x.cost - y.cost);
}

interface Vector {
  readonly w: bigint;
  readonly v: bigint;
}

/** Two short vectors with w + v u2 = 0 modulo n, from the rows of Euclid's algorithm. */
function shortVectors(u2: bigint): readonly [Vector, Vector] {
  let [last, row]: [Vector, Vector] = [
    { w: GROUP_ORDER, v: 0n },
    { w: u2, v: -1n },
  ];
  while (size(row) < size(last) && row.w !== 0n) {
    const quotient = last.w / row.w;
    [last, row] = [row, { w: last.w - quotient * row.w, v: last.v - quotient * row.v }];
  }
  return size(row) < size(last) ? [row, last] : [last, row];
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const size = ({ w, v }: Vector): bigint => larger(absolute(w), absolute(v));

/** t = -v u1 modulo n in two halves, with every choice of their signs. */
function splits(u1: bigint, w: bigint, v: bigint): readonly Relation[] {
  const half = 2n ** BigInt(HALF_BITS);
  const t = modulo(-v * u1, GROUP_ORDER);
  const narrow = [...digitsOf(w, NARROW_WINDOW, TABLES.key), ...digitsOf(v, NARROW_WINDOW, TABLES.commitment)];
  const found: Relation[] = [];
  for (const whole of t === 0n ? [0n] : [t, t - GROUP_ORDER]) {
    const low = modulo(whole, half);
    const high = (whole - low) / half;
    for (const [t0, t1] of [
      [low, high],
      [low - half, high + 1n],
    ] as const) {
      const wide = [...digitsOf(t0, WIDE_WINDOW, TABLES.generator), ...digitsOf(t1, WIDE_WINDOW, TABLES.generatorHigh)];
      const relation = toRelation([...wide, ...narrow]);
      if (relation !== undefined) found.push(relation);
    }
  }
  return found;
}

function toRelation(digits: readonly PlacedDigit[]): Relation | undefined {
  const ordered = [...digits].sort((a, b) => b.position - a.position || a.table - b.table);
  const first = ordered[0];
  const last = ordered.at(-1);
  // The contract ends at position 0, and its sum is of at least two digits.
  if (first === undefined || last === undefined || ordered.length < 2) return undefined;
  if (last.position !== 0 || first.position > HIGHEST_POSITION) return undefined;
  const places = new Set(ordered.map(({ position }) => position)).size;
  const cost = ordered.length * DIGIT_COST + first.position * POSITION_COST - places * MERGING_SAVES;
  return { digits: ordered, cost };
}

/** Signed windows of a width: odd digits, each followed by at least width - 1 zeros. */
function digitsOf(scalar: bigint, width: number, table: number): readonly PlacedDigit[] {
  const bits = absolute(scalar).toString(2);
  const bit = (index: number): number => (bits[bits.length - 1 - index] === '1' ? 1 : 0);
  const digits: PlacedDigit[] = [];
  let carry = 0;
  for (let position = 0; position < bits.length || carry === 1; ) {
    if ((bit(position) ^ carry) === 0) {
      position += 1;
      continue;
    }
    let digit = carry;
    for (let offset = 0; offset < width; offset++) digit += bit(position + offset) << offset;
    carry = digit >> (width - 1);
    if (carry === 1) digit -= 1 << width;
    digits.push({ position, table, index: (Math.abs(digit) - 1) >> 1, negative: digit < 0 !== scalar < 0n });
    position += width;
  }
  return digits;
}
