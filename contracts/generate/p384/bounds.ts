import { FIELD_PRIME, REDUCTION_FACTOR } from '../../prover/p384/field.ts';
import {
  HIGHEST_POSITION,
  MOST_DIGITS,
  MOST_DOUBLINGS,
  NARROW_ENTRIES,
  WIDE_WINDOW,
} from '../../prover/p384/format.ts';
import { reduce, SHORT_RANGE } from './arithmetic.ts';
import { integer } from './integers.ts';
import { bits, demandInside, exactly, type Interval, interval, magnitude, times, union, within } from './interval.ts';
import { addition, doubling, doublingAndAddition, type PointRanges } from './steps.ts';
import { given } from './words.ts';

/** How long a run of steps the contract lets through before it refuses. */
export interface RunLimits {
  readonly digits: number;
  readonly positions: number;
  readonly doublingsPerStep: number;
}

export const RUN_LIMITS: RunLimits = {
  digits: MOST_DIGITS,
  positions: HIGHEST_POSITION,
  doublingsPerStep: MOST_DOUBLINGS,
};

export interface Bounds {
  /** The result of any reduction of a product of two 384-bit integers, and so any coordinate that was just loaded. */
  readonly loaded: Interval;
  /** Points that are added: entries of the tables. */
  readonly table: PointRanges;
  /** The running sum, anywhere in an accepted run. */
  readonly running: PointRanges;
  /** A scalar: the sum of an accepted run's digits over one table. */
  readonly scalar: Interval;
}

/**
 * Follows the longest runs that the contract accepts, with the same functions that write its code, and returns what
 * every coordinate stays inside. x grows with each addition and doubles with each doubling; a doubling-and-addition
 * makes it short again. y grows by a slope times a difference of two x with every step, for the whole run.
 */
export function boundsOfRuns(limits: RunLimits): Bounds {
  const coordinate = rescaled(interval(0n, LONGEST_LOADED));
  const table = tableBounds(coordinate);
  const fresh = freshX(table, coordinate);
  let x = fresh;
  for (let step = 0; step < limits.digits; step++)
    x = widen(x, addition('stack', { x, y: exactly(0n) }, table).after.x);
  for (let step = 0; step < limits.doublingsPerStep; step++)
    x = widen(x, doubling('stack', { x, y: exactly(0n) }).after.x);
  let y = table.y;
  for (let step = 0; step < limits.positions; step++) y = widen(y, doubling('stack', { x, y }).after.y);
  for (let step = 0; step < limits.digits; step++) {
    y = widen(y, addition('stack', { x, y }, table).after.y);
    y = widen(y, doublingAndAddition({ x, y }, table).after.y);
  }
  // A rest multiplies the running x by a constant below p.
  demandInside('x after a rest', rescaled(x), x);
  const digit = 2n ** BigInt(WIDE_WINDOW - 1) - 1n;
  const scalar = within(BigInt(limits.digits) * digit * 2n ** BigInt(limits.positions));
  return { loaded: coordinate, table, running: { x, y }, scalar };
}

/** r + n, at most. */
const LONGEST_LOADED = 2n ** 385n;

/** What multiplying by a constant below p and reducing leaves of an integer in this range. */
function rescaled(range: Interval): Interval {
  const product = integer(times(range, interval(0n, FIELD_PRIME - 1n)), () => given('any', exactly(0n)));
  return union(exactly(0n), reduce(product, REDUCTION_FACTOR).value.range);
}

/** Entries of the tables of Q and R: one doubling and seven additions from a point as it is loaded. */
function tableBounds(loaded: Interval): PointRanges {
  const point = { x: loaded, y: loaded };
  const twice = doubling('memory', point).after;
  let entry: PointRanges = point;
  let all: PointRanges = point;
  for (let index = 1; index < NARROW_ENTRIES; index++) {
    entry = addition('memory', entry, twice).after;
    all = { x: union(all.x, entry.x), y: union(all.y, entry.y) };
  }
  // The entries of G are any integers that 48 bytes can write, and any entry may be taken with its sign changed.
  return { x: union(all.x, SHORT_RANGE), y: within(magnitude(union(all.y, SHORT_RANGE))) };
}

/** x after a doubling-and-addition, from whatever x: or as it is loaded, or as an entry of a table is. */
function freshX(table: PointRanges, loaded: Interval): Interval {
  const after = doublingAndAddition({ x: exactly(0n), y: exactly(0n) }, table).after.x;
  return union(union(after, table.x), loaded);
}

const widen = (a: Interval, b: Interval): Interval => within(magnitude(union(a, b)));

export interface BoundLine {
  readonly what: string;
  readonly bits: number;
}

/** For docs/p384.md, which a test compares with this. */
export function describeBounds(bounds: Bounds): readonly BoundLine[] {
  return [
    { what: 'slope, or coordinate of a table of G', bits: bits(SHORT_RANGE) },
    { what: 'coordinate just loaded or reduced', bits: bits(bounds.loaded) },
    { what: 'x of a table entry', bits: bits(bounds.table.x) },
    { what: 'y of a table entry', bits: bits(bounds.table.y) },
    { what: 'x of the running sum', bits: bits(bounds.running.x) },
    { what: 'y of the running sum', bits: bits(bounds.running.y) },
    { what: 'scalar', bits: bits(bounds.scalar) },
  ];
}

/** Whatever 48 bytes of a statement say. */
export const anyStatementInteger: Interval = interval(0n, 2n ** 384n - 1n);
