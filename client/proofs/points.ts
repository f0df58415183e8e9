import { bn254 } from '@noble/curves/bn254.js';
import type { G1Words, G2Words, QuadraticWords } from '../../wire/message/circuit-key.ts';
import { readUint } from '../../wire/words.ts';
import { ProofError } from './errors.ts';

const { Fp, Fp2 } = bn254.fields;

export type G1Point = InstanceType<typeof bn254.G1.Point>;
export type G2Point = InstanceType<typeof bn254.G2.Point>;
type Quadratic = ReturnType<typeof Fp2.create>;

/**
 * A point of the first group, whose every point is in the subgroup (its cofactor is 1). Infinity, which EIP-197 writes as
 * zeros, has no place in a key or a proof: an honest one meets it once in 2^254.
 */
export function firstGroup([xWord, yWord]: G1Words, place: string): G1Point {
  const [x, y] = [coordinate(xWord, place), coordinate(yWord, place)];
  if (x === 0n && y === 0n) throw new ProofError('point_infinite', 'the point at infinity', place);
  const { b } = bn254.G1.Point.CURVE();
  if (!Fp.eql(Fp.sqr(y), Fp.add(Fp.mul(Fp.sqr(x), x), b))) {
    throw new ProofError('point_off_curve', 'y^2 is not x^3 + 3', place);
  }
  return bn254.G1.Point.fromAffine({ x, y });
}

/** A point of the second group. Its curve has many more points than the group: a pairing with those means nothing. */
export function secondGroup([xWords, yWords]: G2Words, place: string): G2Point {
  const [x, y] = [quadratic(xWords, place), quadratic(yWords, place)];
  if (Fp2.is0(x) && Fp2.is0(y)) throw new ProofError('point_infinite', 'the point at infinity', place);
  const { b } = bn254.G2.Point.CURVE();
  if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), b))) {
    throw new ProofError('point_off_curve', 'not on the twisted curve', place);
  }
  const point = bn254.G2.Point.fromAffine({ x, y });
  if (!point.isTorsionFree()) throw new ProofError('point_outside_subgroup', 'its order is not the group’s', place);
  return point;
}

function quadratic([c1, c0]: QuadraticWords, place: string): Quadratic {
  return Fp2.create({ c0: coordinate(c0, place), c1: coordinate(c1, place) });
}

function coordinate(word: Uint8Array, place: string): bigint {
  const value = readUint(word);
  if (value >= Fp.ORDER) throw new ProofError('coordinate_range', 'a coordinate beyond the field', place);
  return value;
}
