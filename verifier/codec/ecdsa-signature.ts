import { VerifierError } from '../errors.ts';
import { type DerElement, derCursor, derTag, derUnsigned, inside } from './der.ts';
import { isP384Scalar, P384_BYTES } from './p384.ts';

/**
 * Ecdsa-Sig-Value (RFC 3279 section 2.2.3) in strict DER, to the fixed form r || s that the suite verifies. Values
 * outside 1..n-1 are refused here; a high s is not: 30 of 56 genuine AWS certificate signatures have one.
 */
export function parseEcdsaP384Signature(bytes: Uint8Array, base = 0): Uint8Array {
  const outer = derCursor(bytes, base);
  const pair = inside(outer.read(derTag.sequence));
  outer.end();
  const r = scalar(pair.read(derTag.integer));
  const s = scalar(pair.read(derTag.integer));
  pair.end();
  const fixed = new Uint8Array(2 * P384_BYTES);
  fixed.set(r, P384_BYTES - r.length);
  fixed.set(s, 2 * P384_BYTES - s.length);
  if (!isP384Scalar(fixed.subarray(0, P384_BYTES)) || !isP384Scalar(fixed.subarray(P384_BYTES))) {
    throw outOfRange(base);
  }
  return fixed;
}

function scalar(element: DerElement): Uint8Array {
  const magnitude = derUnsigned(element);
  if (magnitude.length > P384_BYTES) throw outOfRange(element.offset);
  return magnitude;
}

function outOfRange(offset: number): VerifierError {
  return new VerifierError('certificate_signature_format', 'r or s is not in 1..n-1', { checkId: 'C18', offset });
}
