import {
  type AffinePoint,
  addAffine,
  addAny,
  doublePoint,
  invertAll,
  type JacobianPoint,
  toAffine,
  toJacobian,
} from './curve.ts';
import { FIELD_PRIME, modulo } from './field.ts';
import { DIGIT_FIELDS, KINDS, MOST_DOUBLINGS, NARROW_ENTRIES } from './format.ts';
import type { PlacedDigit, Relation } from './relation.ts';
import { generatorTables, oddMultiples } from './tables.ts';

/** What the contract is told to do, and the slope of every curve operation in it. */
export interface Route {
  readonly position: number;
  readonly digits: readonly number[];
  readonly slopes: readonly bigint[];
}

/** A slope before its division: all of a route share one inversion. */
interface Quotient {
  readonly numerator: bigint;
  readonly denominator: bigint;
  /** The second slope of a doubling-and-addition is this quotient less the slope before it. */
  readonly lessPrevious?: true;
}

interface Planned {
  readonly doublings: number;
  readonly kind: number;
  readonly digit: PlacedDigit | undefined;
}

const mod = (value: bigint): bigint => modulo(value, FIELD_PRIME);

const tangent = ({ x, y }: AffinePoint): Quotient => ({ numerator: 3n * x * x - 3n, denominator: 2n * y });
const chord = (p: AffinePoint, q: AffinePoint): Quotient => ({ numerator: p.y - q.y, denominator: p.x - q.x });

/** Undefined where a step would add points of equal x, which the contract refuses. */
export function routeOf(relation: Relation, key: AffinePoint, commitment: AffinePoint): Route | undefined {
  const { low, high } = generatorTables();
  const ofKey = oddMultiples(key, NARROW_ENTRIES);
  const ofCommitment = oddMultiples(commitment, NARROW_ENTRIES);
  const plan = planOf(relation.digits);
  const walked = walk(plan, [low, high, ofKey, ofCommitment]);
  if (walked === undefined) return undefined;
  const quotients = [...tableSlopes(key, ofKey), ...tableSlopes(commitment, ofCommitment), ...walked];
  const denominators = quotients.map(({ denominator }) => mod(denominator));
  if (denominators.includes(0n)) return undefined;
  const inverses = invertAll(denominators);
  const slopes: bigint[] = [];
  for (const [index, { numerator, lessPrevious }] of quotients.entries()) {
    const whole = numerator * (inverses[index] ?? 0n);
    slopes.push(mod(lessPrevious === true ? whole - (slopes.at(-1) ?? 0n) : whole));
  }
  return { position: relation.digits[0]?.position ?? 0, digits: plan.map(encode), slopes };
}

/** The contract doubles the point, then adds the double again and again. */
function tableSlopes(point: AffinePoint, entries: readonly AffinePoint[]): readonly Quotient[] {
  const [twice = point] = toAffine([doublePoint(toJacobian(point))]);
  return [tangent(point), ...entries.slice(0, -1).map((entry) => chord(entry, twice))];
}

/** One step a digit. The last doubling before a digit merges with its addition; the last digit closes the sum. */
function planOf(digits: readonly PlacedDigit[]): readonly Planned[] {
  const plan: Planned[] = [];
  let position = digits[0]?.position ?? 0;
  for (const [index, digit] of digits.entries()) {
    const gap = position - digit.position;
    position = digit.position;
    const last = index === digits.length - 1;
    const merged = gap > 0 && !last;
    let doublings = merged ? gap - 1 : gap;
    for (; doublings > MOST_DOUBLINGS; doublings -= MOST_DOUBLINGS)
      plan.push({ doublings: MOST_DOUBLINGS, kind: KINDS.firstOrRest, digit: undefined });
    const kind = index === 0 ? KINDS.firstOrRest : last ? KINDS.close : merged ? KINDS.doubleAndAdd : KINDS.add;
    plan.push({ doublings, kind, digit });
  }
  return plan;
}

function encode({ doublings, kind, digit }: Planned): number {
  const fields = (doublings << DIGIT_FIELDS.doublings) | (kind << DIGIT_FIELDS.kind);
  if (digit === undefined) return fields;
  return fields | (digit.table << DIGIT_FIELDS.table) | (digit.index << DIGIT_FIELDS.index) | (digit.negative ? 1 : 0);
}

/** Walks the plan in Jacobian coordinates, and makes all points affine at the end. */
function walk(plan: readonly Planned[], tables: readonly (readonly AffinePoint[])[]): readonly Quotient[] | undefined {
  const points: JacobianPoint[] = [];
  const waiting: ((affine: readonly AffinePoint[]) => readonly Quotient[])[] = [];
  const remember = (point: JacobianPoint): number => points.push(point) - 1;
  let sum: JacobianPoint | undefined;
  const double = (from: JacobianPoint): JacobianPoint => {
    const at = remember(from);
    waiting.push((affine) => [tangent(pointAt(affine, at))]);
    return doublePoint(from);
  };
  for (const { doublings, kind, digit } of plan) {
    for (let count = 0; count < doublings && sum !== undefined; count++) sum = double(sum);
    if (digit === undefined) continue;
    const entry = entryOf(tables, digit);
    if (sum === undefined) {
      sum = toJacobian(entry);
      continue;
    }
    if (kind === KINDS.close) return closes(sum, entry) ? settle(points, waiting) : undefined;
    const chordSum = addAffine(sum, entry);
    if (chordSum === null) return undefined;
    const at = remember(sum);
    if (kind === KINDS.add) {
      waiting.push((affine) => [chord(pointAt(affine, at), entry)]);
      sum = chordSum;
      continue;
    }
    // The sum's affine form divides by its z: infinity is refused above, as both points have one x there.
    const between = remember(chordSum);
    waiting.push((affine) => [
      chord(pointAt(affine, at), entry),
      {
        numerator: 2n * pointAt(affine, at).y,
        denominator: pointAt(affine, at).x - pointAt(affine, between).x,
        lessPrevious: true,
      },
    ]);
    const next = addAny(doublePoint(sum), entry);
    if (next === null) return undefined;
    sum = next;
  }
  return undefined;
}

function settle(
  points: readonly JacobianPoint[],
  waiting: readonly ((affine: readonly AffinePoint[]) => readonly Quotient[])[],
): readonly Quotient[] {
  const affine = toAffine(points);
  return waiting.flatMap((quotients) => quotients(affine));
}

function closes(sum: JacobianPoint, entry: AffinePoint): boolean {
  const zz = mod(sum.z * sum.z);
  return mod(entry.x * zz - sum.x) === 0n && mod(entry.y * zz * sum.z + sum.y) === 0n;
}

function entryOf(tables: readonly (readonly AffinePoint[])[], { table, index, negative }: PlacedDigit): AffinePoint {
  const { x, y } = pointAt(tables[table] ?? [], index);
  return negative ? { x, y: FIELD_PRIME - y } : { x, y };
}

function pointAt(points: readonly AffinePoint[], index: number): AffinePoint {
  const point = points[index];
  if (point === undefined) throw new RangeError(`no point ${index} of ${points.length}`);
  return point;
}
