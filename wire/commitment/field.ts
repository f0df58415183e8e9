import { checked32, readUint } from '../words.ts';

/** The scalar field of BN254: what circuits over that curve count in, and what a chain's pairing precompile takes. */
export const FIELD: bigint = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % FIELD;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % FIELD;
    square = (square * square) % FIELD;
  }
  return result;
}

/** By Fermat; zero has none and stays zero. */
export function inverse(element: bigint): bigint {
  return power(element, FIELD - 2n);
}

/** A digest as an element. An element is that of five or six digests in 2^256. */
export function elementOfDigest(digest: Uint8Array): bigint {
  return readUint(checked32(digest)) % FIELD;
}
