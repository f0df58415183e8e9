import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { concatBytes } from '../../wire/bytes.ts';

/** A P-384 key that signs with SHA-384, as every key in a Nitro chain does. */
export interface SigningKey {
  /** Uncompressed: 04 || x || y, 97 bytes. */
  readonly point: Uint8Array;
  /** r || s, 96 bytes. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** All chance in the simulator. Published test vectors pass their own, so that they regenerate byte for byte. */
export interface Chance {
  readonly bytes: (length: number) => Uint8Array;
  readonly key: () => SigningKey;
}

export const systemChance: Chance = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  key: () => signingKey(generateP384()),
};

/**
 * By way of DER, because a key object that Node 20 has just generated can stop the process for good: its generator locks
 * the key's mutex when it is collected, and exporting the key as a JWK may collect it while holding that same mutex.
 */
export function generateP384(): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return createPrivateKey({ key: privateKey, type: 'pkcs8', format: 'der' });
}

export function signingKey(privateKey: KeyObject): SigningKey {
  const { x, y } = privateKey.export({ format: 'jwk' });
  return {
    point: concatBytes(
      Uint8Array.of(4),
      new Uint8Array(Buffer.from(x as string, 'base64url')),
      new Uint8Array(Buffer.from(y as string, 'base64url')),
    ),
    sign: (message) => new Uint8Array(sign('sha384', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
  };
}

export function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** What extending a platform register means: the new value is the hash of the old one and the data. */
export function extend(register: Uint8Array, data: Uint8Array): Uint8Array {
  return sha384(register, data);
}
