/** The curve P-384 of FIPS 186-5 and SP 800-186: y^2 = x^3 - 3x + b over the integers modulo p, of prime order n. */
export const FIELD_PRIME: bigint = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
export const GROUP_ORDER: bigint =
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n;
export const CURVE_B: bigint =
  0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn;
export const GENERATOR_X: bigint =
  0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n;
export const GENERATOR_Y: bigint =
  0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn;

/**
 * The contract carries an integer as its residues modulo these four, which are coprime in pairs and to p and n. The
 * first is what the EVM's own words wrap at. The others leave six bits of a word free, so that sums of up to 64 of
 * them need no reduction; they differ by two, which makes extending a value from one to the others a shift.
 */
export const MODULI: readonly [bigint, bigint, bigint, bigint] = [
  2n ** 256n,
  2n ** 250n - 3n,
  2n ** 250n - 1n,
  2n ** 250n - 5n,
];

/** The modulus that short integers are written in: low + PIVOT * high. */
export const PIVOT: bigint = MODULI[2];

/** What a reduction divides by; it multiplies by 3 as well, so a coordinate x stands in the contract as x * SCALE. */
export const RADIX: bigint = MODULI[1] * MODULI[3];
export const REDUCTION_FACTOR = 3n;

export function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Euclid's extended algorithm. The moduli here are prime or coprime to what is inverted; zero has no inverse. */
export function invert(value: bigint, modulus: bigint): bigint {
  let [a, b] = [modulus, modulo(value, modulus)];
  let [x, y] = [0n, 1n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  if (a !== 1n) throw new RangeError('no inverse exists');
  return modulo(x, modulus);
}

/** RADIX / 3 modulo p: reducing a product of two scaled slopes gives a scaled coordinate. */
export const SCALE: bigint = modulo(RADIX * invert(REDUCTION_FACTOR, FIELD_PRIME), FIELD_PRIME);
