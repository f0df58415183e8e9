import { CURVE_B, FIELD_PRIME, GROUP_ORDER, MODULI, modulo, REDUCTION_FACTOR, SCALE } from '../../prover/p384/field.ts';
import { HALF_BITS } from '../../prover/p384/format.ts';
import { demandMultiple, quotientOffset, reduce } from './arithmetic.ts';
import { block, declare, memory, type Statement } from './code.ts';
import { add, CHANNELS, type Channel, constant, type Integer, integer, multiply, subtract } from './integers.ts';
import { type Interval, interval } from './interval.ts';
import { LAYOUT } from './layout.ts';
import { keep, kept } from './stores.ts';
import {
  exactProduct,
  exactSum,
  given,
  literal,
  lowBits,
  render,
  shiftRight,
  sumModulo,
  type Word,
  wrapping,
} from './words.ts';

const STATEMENT_INTEGER: Interval = interval(0n, 2n ** 384n - 1n);
const LOW_BITS = 250;
const SPREAD_MULTIPLES = 3n;

/** 2^250 modulo the moduli below it; modulo PIVOT it is 1. */
const EXCESS = { 1: 3n, 3: 5n } as const;

/** Writes the residues of the 384-bit big-endian integer at calldata offset `at`, plus `addend` times `flag`. */
export function spreadInteger(base: number, addend: bigint): readonly Statement[] {
  const low = given('low', interval(0n, 2n ** BigInt(LOW_BITS) - 1n));
  const high = given('high', interval(0n, 2n ** 134n - 1n));
  const flag = given('flag', interval(0n, 1n));
  const plain = (channel: Channel): Word =>
    channel === 0
      ? given('calldataload(add(at, 16))')
      : exactSum(low, channel === 2 ? high : exactProduct(high, literal(EXCESS[channel])));
  const word = (channel: Channel): Word => {
    if (addend === 0n) return plain(channel);
    const extra = exactProduct(flag, literal(modulo(addend, MODULI[channel])));
    return channel === 0 ? wrapping.sum(plain(0), extra) : exactSum(plain(channel), extra);
  };
  return [
    declare('low', lowBits(LOW_BITS, given('calldataload(add(at, 16))'))),
    declare('high', shiftRight(122, given('calldataload(at)'))),
    ...keep(base, integer(STATEMENT_INTEGER, word), SPREAD_MULTIPLES),
  ];
}

/** x := x * k / SCALE, a short integer again; k0 to k3 are the residues of a constant below p. */
export function rescaling(x: Interval): readonly Statement[] {
  const factor = integer(interval(0n, FIELD_PRIME - 1n), (channel) =>
    given(`k${channel}`, interval(0n, MODULI[channel] - 1n)),
  );
  const reduced = reduce(multiply(kept(LAYOUT.x, x, SPREAD_MULTIPLES), factor), REDUCTION_FACTOR);
  return [
    block(
      reduced.code,
      keep(
        LAYOUT.x,
        integer(reduced.value.range, (channel) => {
          const word = reduced.value.words[channel];
          return channel === 0 ? word : sumModulo(word, literal(0n), MODULI[channel]);
        }),
        1n,
      ),
    ),
  ];
}

export const factorArguments = (factor: bigint): string =>
  CHANNELS.map((channel) => render(literal(modulo(factor, MODULI[channel])))).join(', ');

/** E = SCALE; x E is at `x` and y E at `scratch`: y^2 = x^3 - 3 x + b, all of it times E^2. */
export function curveEquation(loaded: Interval): readonly Statement[] {
  const x = kept(LAYOUT.x, loaded, 1n);
  const y = kept(LAYOUT.scratch, loaded, 1n);
  const square = reduce(multiply(x, x), REDUCTION_FACTOR);
  const linear = multiply(x, constant(modulo(3n * SCALE, FIELD_PRIME)));
  const constants = add(constant(modulo(CURVE_B * SCALE * SCALE, FIELD_PRIME)), quotientOffset(FIELD_PRIME));
  const rest = subtract(subtract(constants, linear), multiply(y, y));
  return [block(square.code, demandMultiple(add(multiply(square.value, x), rest), FIELD_PRIME))];
}

/** Scalars are two's complement words far shorter than a modulus: adding one makes their residues. */
function signed(index: number, range: Interval): Integer {
  const text = memory(LAYOUT.scalars + 32 * index);
  return integer(range, (channel) => {
    const modulus = MODULI[channel];
    return channel === 0
      ? given(text)
      : given(`add(${text}, ${render(literal(modulus))})`, interval(modulus + range.min, modulus + range.max));
  });
}

/** Where residues of the statement's integers are put, once the running sum is done with. */
export const STATEMENT_RESIDUES: { readonly r: number; readonly s: number; readonly hash: number } = {
  r: LAYOUT.x,
  s: LAYOUT.y,
  hash: LAYOUT.firstSlope,
};

/** v r + w s = 0 and t s + v h = 0 modulo n, for t = t0 + 2^192 t1. */
export function scalarEquations(scalar: Interval): readonly Statement[] {
  const [t0, t1, w, v] = [0, 1, 2, 3].map((index) => signed(index, scalar)) as [Integer, Integer, Integer, Integer];
  const number = (base: number): Integer => kept(base, STATEMENT_INTEGER, SPREAD_MULTIPLES);
  const r = number(STATEMENT_RESIDUES.r);
  const s = number(STATEMENT_RESIDUES.s);
  const hash = number(STATEMENT_RESIDUES.hash);
  const t = add(t0, multiply(constant(2n ** BigInt(HALF_BITS)), t1));
  const offset = quotientOffset(GROUP_ORDER);
  return [
    block(demandMultiple(add(add(multiply(v, r), multiply(w, s)), offset), GROUP_ORDER)),
    block(demandMultiple(add(add(multiply(t, s), multiply(v, hash)), offset), GROUP_ORDER)),
  ];
}
