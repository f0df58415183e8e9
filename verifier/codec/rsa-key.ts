import { isRsa4096 } from '../../wire/crypto/suite.ts';
import { derTag, derUnsigned, inside, onlyElement } from './der.ts';

export interface RsaPublicKey {
  readonly modulus: Uint8Array;
  readonly exponent: number;
}

/** RSAPublicKey (RFC 8017 appendix A.1.1) in strict DER, or undefined for a key that is not RSA-4096 with 65537. */
export function parseRsa4096Key(bytes: Uint8Array, base = 0): RsaPublicKey | undefined {
  const outer = onlyElement(bytes, derTag.sequence, base);
  const fields = inside(outer);
  const modulus = derUnsigned(fields.read(derTag.integer));
  const exponentBytes = derUnsigned(fields.read(derTag.integer));
  fields.end();
  const exponent = exponentBytes.reduce((value, byte) => value * 256 + byte, 0);
  return isRsa4096(modulus, exponent) ? { modulus, exponent } : undefined;
}
