/** All integers from `min` to `max`. */
export interface Interval {
  readonly min: bigint;
  readonly max: bigint;
}

/** Thrown by the generator when an operation could leave the range in which it is exact: then no code is written. */
export class BoundError extends Error {
  override readonly name = 'BoundError';
}

export function interval(min: bigint, max: bigint): Interval {
  if (min > max) throw new BoundError(`empty interval from ${min} to ${max}`);
  return { min, max };
}

export const exactly = (value: bigint): Interval => ({ min: value, max: value });

/** -size to size. */
export const within = (size: bigint): Interval => ({ min: -size, max: size });

export const plus = (a: Interval, b: Interval): Interval => interval(a.min + b.min, a.max + b.max);

export const minus = (a: Interval, b: Interval): Interval => interval(a.min - b.max, a.max - b.min);

export function times(a: Interval, b: Interval): Interval {
  const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
  return interval(corners.reduce(smaller), corners.reduce(larger));
}

/** A square is never negative: this is tighter than times(a, a). */
export function squared(a: Interval): Interval {
  const corners = [a.min * a.min, a.max * a.max];
  const low = a.min <= 0n && a.max >= 0n ? 0n : corners.reduce(smaller);
  return interval(low, corners.reduce(larger));
}

export const union = (a: Interval, b: Interval): Interval => interval(smaller(a.min, b.min), larger(a.max, b.max));

export const magnitude = (a: Interval): bigint => larger(-a.min, a.max);

export const bits = (a: Interval): number => magnitude(a).toString(2).length;

/** Division rounding down, as bounds of exact quotients need it. */
export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

export function demandInside(what: string, actual: Interval, allowed: Interval): void {
  if (actual.min >= allowed.min && actual.max <= allowed.max) return;
  throw new BoundError(`${what}: ${bits(actual)} bits do not fit into ${bits(allowed)}`);
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
