import { describe, expect, it } from 'vitest';
import { isOnP384, isP384Scalar } from '../../../verifier/codec/p384.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { keys } from '../../support/certificates.ts';

const P = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
const B = BigInt('0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef');
const N = BigInt('0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973');

const bytes = (value: bigint): Uint8Array => new Uint8Array(Buffer.from(value.toString(16).padStart(96, '0'), 'hex'));
const point = (x: bigint, y: bigint): Uint8Array => concatBytes(Uint8Array.of(4), bytes(x), bytes(y));

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % P) {
    if ((left & 1n) === 1n) result = (result * square) % P;
  }
  return result;
}

/** The point with the smallest x: small enough that x + p still fits in 48 bytes. */
function smallPoint(): { readonly x: bigint; readonly y: bigint } {
  for (let x = 0n; ; x++) {
    const square = (((x * x * x - 3n * x + B) % P) + P) % P;
    const y = power(square, (P + 1n) / 4n);
    if ((y * y) % P === square) return { x, y };
  }
}

describe('P-384', () => {
  it('knows the points that OpenSSL makes', () => {
    for (const key of keys) expect(isOnP384(key.point)).toBe(true);
  });

  it('refuses the same point spelt with a coordinate beyond p', () => {
    const { x, y } = smallPoint();
    expect(isOnP384(point(x, y))).toBe(true);
    expect(isOnP384(point(x, P - y))).toBe(true);
    expect(isOnP384(point(x + P, y))).toBe(false);
    expect(isOnP384(point(x, y + 1n))).toBe(false);
  });

  it('refuses other forms and lengths', () => {
    const key = keys[0]?.point as Uint8Array;
    expect(isOnP384(new Uint8Array(97))).toBe(false);
    expect(isOnP384(key.subarray(0, 96))).toBe(false);
    expect(isOnP384(Uint8Array.from(key, (byte, index) => (index === 0 ? 6 : byte)))).toBe(false);
  });

  it('takes scalars from 1 to n - 1', () => {
    expect([0n, 1n, N - 1n, N, N + 1n].map((value) => isP384Scalar(bytes(value)))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(isP384Scalar(new Uint8Array(47).fill(1))).toBe(false);
  });
});
