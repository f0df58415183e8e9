import { equalBytes, fromHex, isZero } from '../../wire/bytes.ts';

/** NIST P-384 (FIPS 186-5, SP 800-186 section 3.2.1.4): only what recognising a point and a scalar takes. Public data, so BigInt is fine. */
const P = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
const B = BigInt('0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef');
const ORDER: Uint8Array = fromHex(
  'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
);

export const P384_BYTES = 48;

/** An uncompressed point with both coordinates below p, on the curve. The curve has cofactor 1: no further group check. */
export function isOnP384(point: Uint8Array): boolean {
  if (point.length !== 1 + 2 * P384_BYTES || point[0] !== 4) return false;
  const x = toInteger(point, 1);
  const y = toInteger(point, 1 + P384_BYTES);
  if (x >= P || y >= P) return false;
  return (y * y - (x * x * x - 3n * x + B)) % P === 0n;
}

/** r or s of a signature: 1 to n - 1. High values are genuine: AWS emits them (verifier-checks C18). */
export function isP384Scalar(bytes: Uint8Array): boolean {
  return bytes.length === P384_BYTES && !isZero(bytes) && isBelowOrder(bytes);
}

/** The same r, and the same s up to its sign: for any signature (r, s) anyone can write (r, n - s), which verifies as well. */
export function isSameP384Signature(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== 2 * P384_BYTES || b.length !== a.length) return false;
  if (!equalBytes(a.subarray(0, P384_BYTES), b.subarray(0, P384_BYTES))) return false;
  if (equalBytes(a, b)) return true;
  return toInteger(a, P384_BYTES) + toInteger(b, P384_BYTES) === toInteger(ORDER, 0);
}

function isBelowOrder(scalar: Uint8Array): boolean {
  for (let i = 0; i < P384_BYTES; i++) {
    const difference = (scalar[i] as number) - (ORDER[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Eight bytes at a time: four times as fast as by way of hex, and certificates alone take ten of these. */
function toInteger(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, P384_BYTES);
  let value = 0n;
  for (let offset = 0; offset < P384_BYTES; offset += 8) value = (value << 64n) | view.getBigUint64(offset);
  return value;
}
