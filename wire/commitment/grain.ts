import { FIELD, inverse } from './field.ts';

/** Bits of an element. */
const BITS = 254;
const STATE = 80;

/** What one permutation of Poseidon is made of. */
export interface PoseidonParameters {
  readonly fullRounds: number;
  readonly partialRounds: number;
  /** Round by round, one for each cell. */
  readonly constants: readonly bigint[];
  /** By row. */
  readonly matrix: readonly (readonly bigint[])[];
}

/**
 * Nobody chose these numbers: they are what the Grain LFSR of the Poseidon paper (eprint 2019/458, appendix F) gives for a
 * prime field of 254 bits and the S-box x^5, and so the same as everybody's who follows it. After the constants of the
 * rounds, which are drawn again where they are not below the prime, come the x and y of a Cauchy matrix, which are reduced.
 */
export function grainParameters(width: number, fullRounds: number, partialRounds: number): PoseidonParameters {
  const next = grain(width, fullRounds, partialRounds);
  const constants = Array.from({ length: width * (fullRounds + partialRounds) }, () => {
    let drawn = next();
    while (drawn >= FIELD) drawn = next();
    return drawn;
  });
  const xs = Array.from({ length: width }, () => next() % FIELD);
  const ys = Array.from({ length: width }, () => next() % FIELD);
  return { fullRounds, partialRounds, constants, matrix: xs.map((x) => ys.map((y) => inverse(x + y))) };
}

/** Integers of 254 bits, the highest bit first. */
function grain(width: number, fullRounds: number, partialRounds: number): () => bigint {
  const state = Uint8Array.from([
    // A prime field, the S-box of a power, then the sizes.
    ...[...bits(1, 2), ...bits(0, 4), ...bits(BITS, 12), ...bits(width, 12)],
    ...[...bits(fullRounds, 10), ...bits(partialRounds, 10), ...bits(2 ** 30 - 1, 30)],
  ]);
  let at = 0;
  const tap = (place: number): number => state[(at + place) % STATE] as number;
  const step = (): number => {
    const bit = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
    state[at] = bit;
    at = (at + 1) % STATE;
    return bit;
  };
  for (let discarded = 0; discarded < 160; discarded++) step();
  // It shrinks itself: of each two bits the first says whether the second counts.
  const shrunk = (): number => {
    while (step() === 0) step();
    return step();
  };
  return () => {
    let digits = '0b';
    for (let i = 0; i < BITS; i++) digits += shrunk();
    return BigInt(digits);
  };
}

function bits(value: number, length: number): readonly number[] {
  return Array.from(value.toString(2).padStart(length, '0'), Number);
}
