import { invert, MODULI, modulo } from '../../prover/p384/field.ts';
import { exactly, type Interval, minus, plus, squared, times } from './interval.ts';
import { exactSum, literal, productModulo, residueDifference, shiftLeft, type Word, wrapping } from './words.ts';

export type Channel = 0 | 1 | 2 | 3;
export const CHANNELS: readonly Channel[] = [0, 1, 2, 3];

/**
 * A signed integer as four residue words. `range` is where the integer itself lies, which the words cannot show: the
 * two steps that leave the residues (reduction and test for zero) are exact only inside a range, and demand it.
 */
export interface Integer {
  readonly range: Interval;
  readonly words: readonly [Word, Word, Word, Word];
}

export const integer = (range: Interval, word: (channel: Channel) => Word): Integer => ({
  range,
  words: [word(0), word(1), word(2), word(3)],
});

export const constant = (value: bigint): Integer =>
  integer(exactly(value), (channel) => literal(modulo(value, MODULI[channel])));

export const add = (a: Integer, b: Integer): Integer =>
  integer(plus(a.range, b.range), (channel) =>
    channel === 0 ? wrapping.sum(a.words[0], b.words[0]) : exactSum(a.words[channel], b.words[channel]),
  );

export const subtract = (a: Integer, b: Integer): Integer =>
  integer(minus(a.range, b.range), (channel) =>
    channel === 0
      ? wrapping.difference(a.words[0], b.words[0])
      : residueDifference(a.words[channel], b.words[channel], MODULI[channel]),
  );

export const double = (a: Integer): Integer =>
  integer(plus(a.range, a.range), (channel) =>
    channel === 0 ? wrapping.shiftLeft(1, a.words[0]) : shiftLeft(1, a.words[channel]),
  );

export const multiply = (a: Integer, b: Integer): Integer =>
  integer(a === b ? squared(a.range) : times(a.range, b.range), (channel) =>
    channel === 0
      ? wrapping.product(a.words[0], b.words[0])
      : productModulo(a.words[channel], b.words[channel], MODULI[channel]),
  );

/** The one integer of the range that has these residues (signed where they are of the upper half), for tests. */
export function decode(residues: readonly [bigint, bigint, bigint, bigint]): bigint {
  let value = 0n;
  let product = 1n;
  for (const channel of CHANNELS) {
    const modulus = MODULI[channel];
    const digit = modulo((residues[channel] - value) * invert(product, modulus), modulus);
    value += product * digit;
    product *= modulus;
  }
  return value > product / 2n ? value - product : value;
}
