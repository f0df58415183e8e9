import { FIELD_PRIME, GENERATOR_X, GENERATOR_Y, invert, modulo } from './field.ts';

export interface AffinePoint {
  readonly x: bigint;
  readonly y: bigint;
}

/** x = X / Z^2, y = Y / Z^3. Null is the point at infinity. Public data only: nothing here is constant-time. */
export interface JacobianPoint {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

export const GENERATOR: AffinePoint = { x: GENERATOR_X, y: GENERATOR_Y };

const mod = (value: bigint): bigint => modulo(value, FIELD_PRIME);

export const toJacobian = ({ x, y }: AffinePoint): JacobianPoint => ({ x, y, z: 1n });

/** dbl-2001-b of the Explicit-Formulas Database, for a = -3. */
export function doublePoint(p: JacobianPoint): JacobianPoint {
  const delta = mod(p.z * p.z);
  const gamma = mod(p.y * p.y);
  const beta = mod(p.x * gamma);
  const alpha = mod(3n * (p.x - delta) * (p.x + delta));
  const x = mod(alpha * alpha - 8n * beta);
  const z = mod(2n * p.y * p.z);
  return { x, y: mod(alpha * (4n * beta - x) - 8n * gamma * gamma), z };
}

/** madd: the second point is affine. Null where both have the same x: what is then right differs from use to use. */
export function addAffine(p: JacobianPoint, q: AffinePoint): JacobianPoint | null {
  const zz = mod(p.z * p.z);
  const h = mod(q.x * zz - p.x);
  if (h === 0n) return null;
  const r = mod(q.y * zz * p.z - p.y);
  const hh = mod(h * h);
  const hhh = mod(h * hh);
  const v = mod(p.x * hh);
  const x = mod(r * r - hhh - 2n * v);
  return { x, y: mod(r * (v - x) - p.y * hhh), z: mod(p.z * h) };
}

/** Inverses of all by one inversion (Montgomery's trick). None may be zero. */
export function invertAll(values: readonly bigint[]): readonly bigint[] {
  const products: bigint[] = [];
  let product = 1n;
  for (const value of values) {
    products.push(product);
    product = mod(product * value);
  }
  let inverse = invert(product, FIELD_PRIME);
  const inverses = new Array<bigint>(values.length);
  for (let index = values.length - 1; index >= 0; index--) {
    inverses[index] = mod(inverse * (products[index] ?? 1n));
    inverse = mod(inverse * (values[index] ?? 1n));
  }
  return inverses;
}

export function toAffine(points: readonly JacobianPoint[]): readonly AffinePoint[] {
  const inverses = invertAll(points.map(({ z }) => z));
  return points.map(({ x, y }, index) => {
    const inverse = inverses[index] ?? 1n;
    const square = mod(inverse * inverse);
    return { x: mod(x * square), y: mod(y * square * inverse) };
  });
}

/** a G + b Q by bits from the highest; null is infinity. */
export function combine(a: bigint, b: bigint, q: AffinePoint): AffinePoint | null {
  const sum = addAny(toJacobian(GENERATOR), q);
  let result: JacobianPoint | null = null;
  const both = sum === null ? null : (toAffine([sum])[0] ?? null);
  const length = Math.max(a.toString(2).length, b.toString(2).length);
  for (let bit = BigInt(length - 1); bit >= 0n; bit--) {
    if (result !== null) result = doublePoint(result);
    const inA = ((a >> bit) & 1n) === 1n;
    const inB = ((b >> bit) & 1n) === 1n;
    const point = inA && inB ? both : inA ? GENERATOR : inB ? q : null;
    if (point === null) continue;
    result = result === null ? toJacobian(point) : addAny(result, point);
  }
  return result === null ? null : (toAffine([result])[0] ?? null);
}

/** The same for any second point; null is infinity. */
export function addAny(p: JacobianPoint, q: AffinePoint): JacobianPoint | null {
  const sum = addAffine(p, q);
  if (sum !== null) return sum;
  return mod(q.y * p.z * p.z * p.z - p.y) === 0n ? doublePoint(p) : null;
}
