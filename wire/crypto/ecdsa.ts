import { fromHex, isZero } from '../bytes.ts';
import { WireError } from '../errors.ts';
import type { Suite } from './suite.ts';

/**
 * The form of Proofmark's own ECDSA P-256 signatures (DESIGN section 3): 64 bytes r||s with s <= n/2. For every valid
 * (r, s) the pair (r, n - s) verifies too; with one spelling allowed, nobody can respell a signature in transit. Only
 * our signatures: vendors' P-384 ones may be high.
 */
export const SIGNATURE_BYTES = 64;

const SCALAR = 32;
const ORDER: Uint8Array = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
const HALF_ORDER: Uint8Array = fromHex('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8');

/** Turns a high s into n - s; a signature of the right form is returned as it is, in fresh bytes. */
export function normaliseS(signature: Uint8Array): Uint8Array {
  checkScalars(signature);
  const out = Uint8Array.from(signature);
  const s = signature.subarray(SCALAR);
  if (isGreater(s, HALF_ORDER)) out.set(subtract(ORDER, s), SCALAR);
  return out;
}

/** Throws `signature_format` or `signature_high_s`; says nothing about whether the signature verifies. */
export function checkSignatureFormat(signature: Uint8Array): void {
  checkScalars(signature);
  if (isGreater(signature.subarray(SCALAR), HALF_ORDER)) {
    throw new WireError('signature_high_s', 's is above half of the group order');
  }
}

/** How every verifier of a Proofmark signature checks it. A wrong form throws; false means that it does not verify. */
export async function verifyLowS(
  suite: Suite,
  point: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  checkSignatureFormat(signature);
  return await suite.verifyP256(point, message, signature);
}

function checkScalars(signature: Uint8Array): void {
  if (signature.length !== SIGNATURE_BYTES) {
    throw new WireError('signature_format', `expected ${SIGNATURE_BYTES} bytes, got ${signature.length}`);
  }
  for (const offset of [0, SCALAR]) {
    const scalar = signature.subarray(offset, offset + SCALAR);
    if (isZero(scalar) || !isGreater(ORDER, scalar)) {
      throw new WireError('signature_format', 'r and s lie between 0 and the group order', { offset });
    }
  }
}

function isGreater(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < SCALAR; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function subtract(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(SCALAR);
  let borrow = 0;
  for (let i = SCALAR - 1; i >= 0; i--) {
    const difference = (a[i] as number) - (b[i] as number) - borrow;
    borrow = difference < 0 ? 1 : 0;
    out[i] = difference & 0xff;
  }
  return out;
}
