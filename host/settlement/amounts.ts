/** `Math.min` and `Math.max` are for numbers only. */
export function smaller(one: bigint, other: bigint): bigint {
  if (one < other) return one;
  return other;
}

export function larger(one: bigint, other: bigint): bigint {
  if (one < other) return other;
  return one;
}
