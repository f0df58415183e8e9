/** FIPS 180-4 sections 4.2.3 and 5.3.4, computed: fractional parts of roots of the first primes, so nothing is copied. */

function firstPrimes(count: number): readonly bigint[] {
  const primes: bigint[] = [];
  for (let candidate = 2n; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0n)) primes.push(candidate);
  }
  return primes;
}

/** The largest integer whose power is not above `value`. */
function integerRoot(value: bigint, degree: bigint): bigint {
  let low = 0n;
  let high = 1n << 80n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** degree <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}

function fraction64(prime: bigint, degree: bigint): bigint {
  return BigInt.asUintN(64, integerRoot(prime << (64n * degree), degree));
}

/** K: the first 64 bits of the fractions of the cube roots of the first eighty primes. */
export const roundConstants: readonly bigint[] = firstPrimes(80).map((prime) => fraction64(prime, 3n));

/** H(0) of SHA-384: the same of the square roots of the ninth to the sixteenth prime. */
export const initialState: readonly bigint[] = firstPrimes(16)
  .slice(8)
  .map((prime) => fraction64(prime, 2n));
