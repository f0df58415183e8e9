import { FIELD_PRIME, invert, MODULI, modulo, PIVOT, RADIX } from '../../prover/p384/field.ts';
import { assign, declare, type Statement } from './code.ts';
import { type Channel, constant, type Integer, integer } from './integers.ts';
import { demandInside, floorDivide, type Interval, interval, within } from './interval.ts';
import {
  below,
  either,
  exactSum,
  given,
  literal,
  lowBits,
  productModulo,
  shiftLeft,
  shiftRight,
  sumModulo,
  WORD_SIZE,
  type Word,
  wrapping,
} from './words.ts';

const [, LOWER, , LOWEST] = MODULI;
const PIVOT_BITS = 250;

/** PIVOT is LOWER + 2 and LOWEST + 4, so PIVOT * high is high shifted by one and by two there. */
const SHIFT = { 1: 1, 3: 2 } as const;

/** low + PIVOT * high in one of the moduli below 2^250; unreduced, which costs a bit of the six that are free. */
export function extend(low: Word, high: Word, channel: 1 | 2 | 3): Word {
  return channel === 2 ? low : exactSum(low, shiftLeft(SHIFT[channel], high));
}

/** The name of a modulo-2^256 word, known to be congruent to nothing smaller. */
const wrapped = (name: string): Word => given(name);

/** k * word modulo 2^256. */
const scaledWord = (word: Word, factor: bigint): Word => wrapping.product(word, literal(modulo(factor, WORD_SIZE)));

const scaledResidue = (word: Word, factor: bigint, modulus: bigint): Word =>
  productModulo(word, literal(modulo(factor, modulus)), modulus);

/** Every slack constant of a reduction: 2p makes the result positive. */
const LIFT = 2n * FIELD_PRIME;

export interface Reduced {
  readonly code: readonly Statement[];
  /** Valid as long as the variables that `code` declared are in scope. */
  readonly value: Integer;
}

/**
 * Montgomery's reduction of factor * N with the radix LOWER * LOWEST, in mixed radix. q is chosen modulo LOWER and g
 * modulo LOWEST so that (factor N - (q + LOWER g) p) / RADIX is an integer A - 2p. A is exact modulo 2^256 (`a`) and
 * PIVOT (`e`). Since 0 < A < PIVOT * 2^250, A = e + PIVOT * k with k < 2^250, and a = e - k modulo 2^250 gives k.
 */
export function reduce(n: Integer, factor: bigint): Reduced {
  const scaled = interval(n.range.min * factor, n.range.max * factor);
  demandInside('input of a reduction', scaled, within(FIELD_PRIME * RADIX));
  // The sum of both corrections is at most RADIX - 1 times p.
  const range = interval(
    floorDivide(scaled.min - (RADIX - 1n) * FIELD_PRIME, RADIX) + LIFT,
    floorDivide(scaled.max, RADIX) + LIFT,
  );
  demandInside('result of a reduction', range, interval(0n, PIVOT * 2n ** 250n - 1n));
  const [n0, n1, n2, n3] = n.words;
  const residue = (name: string, modulus: bigint): Word => given(name, interval(0n, modulus - 1n));
  const q = residue('q', LOWER);
  const g = residue('g', LOWEST);
  const e = residue('e', PIVOT);
  const perRadix = (modulus: bigint): bigint => invert(RADIX, modulus);
  const code = [
    declare('q', scaledResidue(n1, factor * invert(FIELD_PRIME, LOWER), LOWER)),
    declare(
      'g',
      scaledResidue(
        exactSum(n3, scaledResidue(q, -FIELD_PRIME * invert(factor, LOWEST), LOWEST)),
        factor * invert(LOWER * FIELD_PRIME, LOWEST),
        LOWEST,
      ),
    ),
    declare(
      'a',
      wrapping.sum(
        wrapping.sum(scaledWord(n0, factor * perRadix(WORD_SIZE)), scaledWord(q, -FIELD_PRIME * perRadix(WORD_SIZE))),
        wrapping.sum(scaledWord(g, -LOWER * FIELD_PRIME * perRadix(WORD_SIZE)), literal(modulo(LIFT, WORD_SIZE))),
      ),
    ),
    declare(
      'e',
      sumModulo(
        exactSum(
          scaledResidue(n2, factor * perRadix(PIVOT), PIVOT),
          scaledResidue(q, -FIELD_PRIME * perRadix(PIVOT), PIVOT),
        ),
        exactSum(scaledResidue(g, -LOWER * FIELD_PRIME * perRadix(PIVOT), PIVOT), literal(modulo(LIFT, PIVOT))),
        PIVOT,
      ),
    ),
    assign('g', lowBits(PIVOT_BITS, wrapping.difference(e, wrapped('a')))),
  ];
  const k = given('g', interval(0n, floorDivide(range.max, PIVOT)));
  return { code, value: integer(range, (channel) => (channel === 0 ? wrapped('a') : extend(e, k, channel))) };
}

/** Quotients of the test lie in [0, 2^500): a residue modulo PIVOT and 250 bits above it. */
const QUOTIENTS: Interval = interval(0n, PIVOT * 2n ** 250n - 1n);
/** Added to a quotient so that it is never negative. */
const QUOTIENT_OFFSET = 2n ** 499n;
/** What is known of N - quotient * P: its residues modulo 2^250 (of the 2^256) and the three others. */
const TEST_MODULUS = 2n ** 250n * MODULI[1] * MODULI[2] * MODULI[3];

/** A subtrahend that a test adds anyway: its constants are folded with it. */
export const quotientOffset = (prime: bigint): Integer => constant(QUOTIENT_OFFSET * prime);

/**
 * Sets `bad` unless prime divides N. `n` must contain quotientOffset(prime). The quotient is computed modulo PIVOT (`u`)
 * and modulo 2^250 (with `k`), so it agrees with N there by construction; it must agree modulo LOWER and LOWEST too.
 * Then N - quotient * prime is a multiple of the product of all four, and smaller: so it is zero. Nothing is lost:
 * the true quotient has the form u + PIVOT * k for every N in the range that is demanded here.
 * Beside a reduction its spent `q` is used again, since the stack is full there.
 */
export function demandMultiple(
  n: Integer,
  prime: bigint,
  reduced: 'with its q' | 'alone' = 'alone',
): readonly Statement[] {
  demandInside('dividend of a test', n.range, interval(0n, QUOTIENTS.max * prime));
  demandInside(
    'remainder of a test',
    interval(n.range.min - QUOTIENTS.max * prime, n.range.max),
    within(TEST_MODULUS - 1n),
  );
  const [n0, n1, n2, n3] = n.words;
  const name = reduced === 'alone' ? 'u' : 'q';
  const u = given(name, interval(0n, PIVOT - 1n));
  const k = given('k', interval(0n, 2n ** 250n - 1n));
  const disagreement = (word: Word, channel: 1 | 3): Word =>
    sumModulo(
      scaledResidue(word, -invert(prime, MODULI[channel]), MODULI[channel]),
      extend(u, k, channel),
      MODULI[channel],
    );
  return [
    (reduced === 'alone' ? declare : assign)(name, scaledResidue(n2, invert(prime, PIVOT), PIVOT)),
    declare('k', lowBits(PIVOT_BITS, wrapping.difference(u, scaledWord(n0, invert(prime, WORD_SIZE))))),
    // The lower residue first, evaluated last: its variables are the nearer ones.
    flag(either(disagreement(n3, 3), disagreement(n1, 1))),
  ];
}

const flag = (word: Word): Statement => assign('bad', either(given('bad'), word));

const SMALL_MULTIPLE = 2n ** 100n;

/**
 * Sets `bad` if p divides d, a difference of two x: then every slope would pass the test of a chord. A multiple j p with
 * abs(j) < 2^100 shows as j in d / p modulo 2^256. Other d are refused by this with a chance of 2^-155, which costs
 * a prover a second attempt and nobody anything else.
 */
export function demandNonzero(d: Integer): Statement {
  demandInside('difference of two x', d.range, within(FIELD_PRIME * (SMALL_MULTIPLE - 1n)));
  const quotient = scaledWord(d.words[0], invert(FIELD_PRIME, WORD_SIZE));
  return flag(below(wrapping.sum(quotient, literal(SMALL_MULTIPLE)), literal(2n * SMALL_MULTIPLE)));
}

/** 48 bytes stand for low + PIVOT * high: 250 bits of low below 134 bits of high. Any 48 bytes are such an integer. */
export const SHORT_BYTES = 48;
const HIGH_BITS = 8 * SHORT_BYTES - PIVOT_BITS;
export const SHORT_RANGE: Interval = interval(0n, 2n ** 250n - 1n + PIVOT * (2n ** BigInt(HIGH_BITS) - 1n));

/** Declares the residues of the short integer whose first and last 32 bytes the two reads give. */
export function decodeShort(names: readonly [string, string, string, string], first: Word, last: Word): Reduced {
  const [name0, name1, name2, name3] = names;
  const low = given(name2, interval(0n, 2n ** 250n - 1n));
  const high = given(name3, interval(0n, 2n ** BigInt(HIGH_BITS) - 1n));
  const code = [
    declare(name0, last),
    declare(name2, lowBits(PIVOT_BITS, given(name0))),
    declare(name3, shiftRight(256 - HIGH_BITS, first)),
    declare(name1, extend(low, high, 1)),
    // The last 32 bytes are low + 2^250 high modulo 2^256; PIVOT is one less than 2^250.
    assign(name0, wrapping.difference(given(name0), high)),
    assign(name3, extend(low, high, 3)),
  ];
  const spread = (channel: Channel): Interval =>
    channel === 0 ? given('').range : channel === 2 ? low.range : extend(low, high, channel).range;
  return { code, value: integer(SHORT_RANGE, (channel) => given(names[channel], spread(channel))) };
}
