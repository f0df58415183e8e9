import {
  type AffinePoint,
  addAffine,
  doublePoint,
  GENERATOR,
  type JacobianPoint,
  toAffine,
  toJacobian,
} from './curve.ts';
import { HALF_BITS, WIDE_ENTRIES } from './format.ts';

/** The odd multiples that the two data contracts hold: of G, and of 2^192 G. */
export interface GeneratorTables {
  readonly low: readonly AffinePoint[];
  readonly high: readonly AffinePoint[];
}

let made: GeneratorTables | undefined;

/** Made on first use, in some ten milliseconds, and kept: the tables are constants. */
export function generatorTables(): GeneratorTables {
  if (made === undefined) {
    let high = toJacobian(GENERATOR);
    for (let bit = 0; bit < HALF_BITS; bit++) high = doublePoint(high);
    const [base = GENERATOR] = toAffine([high]);
    made = { low: oddMultiples(GENERATOR, WIDE_ENTRIES), high: oddMultiples(base, WIDE_ENTRIES) };
  }
  return made;
}

/** P, 3 P, 5 P ... For a point of prime order none of these sums meets an equal x. */
export function oddMultiples(point: AffinePoint, count: number): readonly AffinePoint[] {
  const [twice = point] = toAffine([doublePoint(toJacobian(point))]);
  const multiples: JacobianPoint[] = [toJacobian(point)];
  let last = toJacobian(point);
  while (multiples.length < count) {
    const next = addAffine(last, twice);
    if (next === null) throw new RangeError('a point of small order');
    multiples.push(next);
    last = next;
  }
  return toAffine(multiples);
}
