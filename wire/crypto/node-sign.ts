import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { concatBytes, fromBase64url } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { normaliseS } from './ecdsa.ts';

/** ECDSA P-256 over SHA-256 of the message, 64 bytes r||s, low s (DESIGN section 3). */
export function signP256(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  requireP256(privateKey, 'private');
  return normaliseS(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
}

/** The 65-byte uncompressed point of a P-256 key; of a private key, the point that belongs to it. */
export function publicPoint(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  requireP256(publicKey, 'public');
  const { x, y } = publicKey.export({ format: 'jwk' });
  return concatBytes(Uint8Array.of(4), fromBase64url(x as string), fromBase64url(y as string));
}

function requireP256(key: KeyObject, type: 'private' | 'public'): void {
  if (key.type !== type || key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new WireError('key_invalid', `not a ${type} P-256 key`);
  }
}
