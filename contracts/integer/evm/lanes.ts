import { hull, type Interval, signedBits } from '../bounds.ts';

/**
 * Several signed sums in one 256-bit word: lane j takes the bits from k j on and holds s_j + 2^(k-1). With the words
 *
 *     S = sum over j of (bias[j] + 2^(k-1)) 2^(k j)        P_i = sum over j of W[i][j] 2^(k j)
 *
 * S + sum over i of x_i P_i = sum over j of (s_j + 2^(k-1)) 2^(k j), all modulo 2^256: one multiplication and one addition
 * do as many multiply-accumulates as there are lanes. Whatever wraps in between, the right side is the only way to write
 * that residue with lanes of 0 to 2^k - 1, and it has them: the interval analysis says -2^(k-1) <= s_j < 2^(k-1), and
 * the lanes end at or below bit 256. So every lane is exact.
 */
export interface Packing {
  /** k */
  readonly bits: number;
  readonly lanesPerWord: number;
  readonly words: number;
}

export function packingOf(sums: readonly Interval[]): Packing {
  const bits = signedBits(hull(sums));
  const words = Math.ceil(sums.length / Math.floor(256 / bits));
  return { bits, words, lanesPerWord: Math.ceil(sums.length / words) };
}

/** One number in each lane, added up modulo 2^256. */
export function packed(lanes: readonly bigint[], bits: number): bigint {
  return BigInt.asUintN(
    256,
    lanes.reduce((word, lane, index) => word + (lane << BigInt(bits * index)), 0n),
  );
}

export function repeated(lane: bigint, count: number, bits: number): bigint {
  return packed(
    Array.from({ length: count }, () => lane),
    bits,
  );
}
