import { p384 } from '@noble/curves/nist.js';
import type { Chance, SigningKey } from '../../../enclave/simulator/signing.ts';
import { equalBytes, fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { filler } from '../golden/keys.ts';

/**
 * P-384 keys that everybody knows: the SHA-384 of a label that says so. They sign by RFC 6979, so that every case of the
 * corpus regenerates byte for byte. No launcher takes the root among them (enclave/simulator/root.ts).
 */
export interface PublishedKey extends SigningKey {
  readonly label: string;
  readonly privateKey: Uint8Array;
}

export function publishedKey(role: string): PublishedKey {
  const label = `proofmark TEST VECTORS ONLY: corpus ${role}`;
  const privateKey = nodeSuite.sha384(utf8(label)) as Uint8Array;
  return {
    label,
    privateKey,
    point: Uint8Array.from(p384.getPublicKey(privateKey, false)),
    sign: (message) => Uint8Array.from(p384.sign(message, privateKey, { lowS: false, prehash: true })),
  };
}

export const rootKey: PublishedKey = publishedKey('root');

/** Stands in for chance, and finds again the keys that it gave out. */
export interface PublishedChance extends Chance {
  readonly keyOf: (certificate: Uint8Array) => SigningKey;
}

export function publishedChance(name: string): PublishedChance {
  const given: SigningKey[] = [];
  let draws = 0;
  return {
    bytes: (length) => filler(`proofmark TEST VECTORS ONLY: corpus ${name} ${draws++}`, length),
    key: () => {
      const key = publishedKey(`${name} ${given.length}`);
      given.push(key);
      return key;
    },
    keyOf: (certificate) => {
      const text = toHex(certificate);
      const key = given.find(({ point }) => text.includes(toHex(point)));
      if (key === undefined) throw new RangeError('a certificate of another chance');
      return key;
    },
  };
}

const ORDER = p384.Point.CURVE().n;

/** r || n - s: the other signature of the same message, which verifies just as well. */
export function malleated(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${toHex(signature.subarray(48))}`);
  return Uint8Array.from([...signature.subarray(0, 48), ...fromHex((ORDER - s).toString(16).padStart(96, '0'))]);
}

export function withS(signature: Uint8Array, half: 'high' | 'low'): Uint8Array {
  const high = BigInt(`0x${toHex(signature.subarray(48))}`) > ORDER / 2n;
  return high === (half === 'high') ? signature : malleated(signature);
}

/** n itself: the smallest value that r and s may not have. */
export const ORDER_BYTES: Uint8Array = fromHex(ORDER.toString(16));

export function replaceHalf(signature: Uint8Array, half: 'r' | 's', value: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(signature);
  changed.set(value, half === 'r' ? 0 : 48);
  if (equalBytes(changed, signature)) throw new RangeError('nothing changed');
  return changed;
}
