/** All integers from `least` to `most`, both included. */
export interface Interval {
  readonly least: bigint;
  readonly most: bigint;
}

export const INT32: Interval = { least: -(2n ** 31n), most: 2n ** 31n - 1n };
/** A 32-bit float holds each of these; sums that stay among them are exact in any order. */
export const FLOAT32_EXACT: Interval = { least: -(2n ** 24n), most: 2n ** 24n };

export function isWithin(inner: Interval, outer: Interval): boolean {
  return inner.least >= outer.least && inner.most <= outer.most;
}

export function hull(intervals: readonly Interval[]): Interval {
  const [first = { least: 0n, most: 0n }, ...rest] = intervals;
  return rest.reduce(
    (all, { least, most }) => ({
      least: lesser(least, all.least),
      most: greater(most, all.most),
    }),
    first,
  );
}

export function lesser(left: bigint, right: bigint): bigint {
  if (left < right) return left;
  return right;
}

export function greater(left: bigint, right: bigint): bigint {
  if (left > right) return left;
  return right;
}

/** Of an integer that is in `interval`, times `factor`. */
export function times({ least, most }: Interval, factor: bigint): Interval {
  return factor < 0n ? { least: most * factor, most: least * factor } : { least: least * factor, most: most * factor };
}

/** Of one of each. */
export function sum(terms: readonly Interval[]): Interval {
  return terms.reduce((all, term) => ({ least: all.least + term.least, most: all.most + term.most }), {
    least: 0n,
    most: 0n,
  });
}

/** Of every partial sum, in whatever order the terms are added: what an accumulator has to hold. */
export function partialSums(terms: readonly Interval[]): Interval {
  return sum(terms.map(({ least, most }) => ({ least: lesser(least, 0n), most: greater(most, 0n) })));
}

/** The bits of a two's complement that holds every integer of the interval. */
export function signedBits({ least, most }: Interval): number {
  const magnitude = greater(-least - 1n, most);
  return magnitude <= 0n ? 1 : magnitude.toString(2).length + 1;
}
