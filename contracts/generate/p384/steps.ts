import { FIELD_PRIME, MODULI, REDUCTION_FACTOR, SCALE } from '../../prover/p384/field.ts';
import {
  decodeShort,
  demandMultiple,
  demandNonzero,
  quotientOffset,
  reduce,
  SHORT_BYTES,
  SHORT_RANGE,
} from './arithmetic.ts';
import { assign, block, declare, type Statement, store } from './code.ts';
import { add, CHANNELS, constant, double, type Integer, integer, multiply, subtract } from './integers.ts';
import { type Interval, interval, plus } from './interval.ts';
import { LAYOUT, wordAt } from './layout.ts';
import { keep, kept } from './stores.ts';
import { given, literal, sumModulo, type Word, wrapping } from './words.ts';

/** Where the x of the running sum is: on the stack in the main loop, in memory while tables are made. */
export type Home = 'stack' | 'memory';

/** What is known of the integers behind the words before a step. */
export interface PointRanges {
  readonly x: Interval;
  readonly y: Interval;
}

export interface Step {
  readonly code: readonly Statement[];
  readonly after: PointRanges;
}

/** Residues of table points are at most twice their modulus: that is what reading and negating an entry leaves. */
export const TABLE_MULTIPLES = 2n;

const runningX = (home: Home, range: Interval): Integer =>
  home === 'memory'
    ? kept(LAYOUT.x, range, 1n)
    : integer(range, (channel) => (channel === 0 ? given('x0') : given(`x${channel}`, interval(0n, MODULI[channel]))));

const runningY = (range: Interval): Integer => kept(LAYOUT.y, range, 1n);
const tableX = (range: Interval): Integer => kept(LAYOUT.tableX, range, TABLE_MULTIPLES);
const tableY = (range: Interval): Integer => kept(LAYOUT.tableY, range, TABLE_MULTIPLES);

const SLOPE_NAMES = ['l0', 'l1', 'l2', 'l3'] as const;
const pointer = given('ptr');

const atPointer = (offset: number): Word =>
  given(offset === 0 ? 'calldataload(ptr)' : `calldataload(add(ptr, 0x${offset.toString(16)}))`);

/** Reads the next slope, any 48 bytes. */
const readSlope = (): readonly Statement[] => [
  ...decodeShort(SLOPE_NAMES, atPointer(0), atPointer(SHORT_BYTES - 32)).code,
  assign('ptr', wrapping.sum(pointer, literal(BigInt(SHORT_BYTES)))),
];

const slope = (): Integer => decodeShort(SLOPE_NAMES, atPointer(0), atPointer(0)).value;

const zero: Integer = constant(0n);

/** Residues below their moduli, so that the next step may subtract them at the cost of one modulus. */
const settledSum = (a: Integer, b: Integer): Integer =>
  integer(plus(a.range, b.range), (channel) =>
    channel === 0
      ? wrapping.sum(a.words[0], b.words[0])
      : sumModulo(a.words[channel], b.words[channel], MODULI[channel]),
  );

/** The end of every step: x' as given, and y' = slope (x - x') - y. Needs the old x and y until both are made. */
function finish(home: Home, next: Integer, x: Integer, y: Integer): Step {
  const t = integer(next.range, (channel) => given('t', next.words[channel].range));
  const nextY = settledSum(multiply(slope(), subtract(x, t)), subtract(zero, y));
  const code = CHANNELS.map((channel) =>
    block(
      declare('t', next.words[channel]),
      store(wordAt(LAYOUT.y, channel), nextY.words[channel]),
      home === 'stack' ? assign(`x${channel}`, t.words[channel]) : store(wordAt(LAYOUT.x, channel), t.words[channel]),
    ),
  );
  return { code, after: { x: next.range, y: nextY.range } };
}

/** E = SCALE. The slope is l E, x stands as x E, y as y E^2; a reduction multiplies by 3 / RADIX = 1 / E modulo p. */
const squareOfSlope = (): ReturnType<typeof reduce> => reduce(multiply(slope(), slope()), REDUCTION_FACTOR);

/**
 * 2 y l = 3 x^2 - 3, divided by 3: reducing 2 y with factor 2 instead of 3 times 2 leaves 2 y / 3 there, so that
 * neither side is multiplied by 3. No point of odd order has y = 0, so one class of slopes passes.
 */
export function doubling(home: Home, before: PointRanges): Step {
  const x = runningX(home, before.x);
  const y = runningY(before.y);
  const reduced = reduce(y, 2n);
  const tangent = subtract(add(constant((SCALE * SCALE) % FIELD_PRIME), quotientOffset(FIELD_PRIME)), multiply(x, x));
  const square = squareOfSlope();
  const end = finish(home, settledSum(square.value, subtract(zero, double(x))), x, y);
  return {
    code: [
      ...readSlope(),
      block(reduced.code, demandMultiple(add(multiply(slope(), reduced.value), tangent), FIELD_PRIME, 'with its q')),
      block(square.code, end.code),
    ],
    after: end.after,
  };
}

/** l (xP - xT) = yP - yT, and xP - xT is not 0. */
function chord(home: Home, before: PointRanges, table: PointRanges): Statement {
  const difference = subtract(runningX(home, before.x), tableX(table.x));
  const rise = add(tableY(table.y), subtract(quotientOffset(FIELD_PRIME), runningY(before.y)));
  return block(demandNonzero(difference), demandMultiple(add(multiply(slope(), difference), rise), FIELD_PRIME));
}

export function addition(home: Home, before: PointRanges, table: PointRanges): Step {
  const x = runningX(home, before.x);
  const square = squareOfSlope();
  const next = settledSum(square.value, subtract(zero, add(x, tableX(table.x))));
  const end = finish(home, next, x, runningY(before.y));
  return { code: [...readSlope(), chord(home, before, table), block(square.code, end.code)], after: end.after };
}

const CARRIED_MULTIPLES = 4n;
const SLOPE_MULTIPLES = 2n;

/**
 * 2 P + T as (P + T) + P, without the y of S = P + T: the second slope satisfies (l1 + l2)(xP - xS) = 2 yP. With
 * carried = xT - l1^2, xS is -carried - xP and the result l2^2 + carried: x does not grow by such a step.
 */
export function doublingAndAddition(before: PointRanges, table: PointRanges): Step {
  const home = 'stack';
  const x = runningX(home, before.x);
  const y = runningY(before.y);
  const first = squareOfSlope();
  const carry = subtract(tableX(table.x), first.value);
  const carried = kept(LAYOUT.carried, carry.range, CARRIED_MULTIPLES);
  const firstSlope = kept(LAYOUT.firstSlope, SHORT_RANGE, SLOPE_MULTIPLES);
  const difference = add(carried, double(x));
  const identity = add(
    multiply(add(slope(), firstSlope), difference),
    subtract(quotientOffset(FIELD_PRIME), double(y)),
  );
  const second = squareOfSlope();
  const end = finish(home, settledSum(second.value, carried), x, y);
  return {
    code: [
      block(
        readSlope(),
        chord(home, before, table),
        block(first.code, keep(LAYOUT.carried, carry, CARRIED_MULTIPLES)),
        keep(LAYOUT.firstSlope, slope(), SLOPE_MULTIPLES),
      ),
      ...readSlope(),
      block(demandNonzero(difference), demandMultiple(identity, FIELD_PRIME)),
      block(second.code, end.code),
    ],
    after: end.after,
  };
}

/** The last point is the negative of the sum before it: the whole sum is the point at infinity. */
export function closing(before: PointRanges, table: PointRanges): readonly Statement[] {
  const dx = add(runningX('stack', before.x), subtract(quotientOffset(FIELD_PRIME), tableX(table.x)));
  const dy = add(add(runningY(before.y), tableY(table.y)), quotientOffset(FIELD_PRIME));
  return [block(demandMultiple(dx, FIELD_PRIME)), block(demandMultiple(dy, FIELD_PRIME))];
}
