import { concatBytes, utf8 } from '../bytes.ts';
import type { Suite } from '../crypto/suite.ts';
import { cipherNonce } from './nonce.ts';

/**
 * Noise revision 34, sections 5.1 and 5.2, for SHA-256 and AES-256-GCM. Secrets are overwritten as soon as the next
 * one replaces them; copies inside the engine (KeyObject, CryptoKey, moved buffers) are out of JavaScript's reach.
 */
export interface SymmetricState {
  mixHash(data: Uint8Array): Promise<void>;
  /** Takes the secret over: it is zero afterwards. */
  mixKey(secret: Uint8Array): Promise<void>;
  encryptAndHash(plaintext: Uint8Array): Promise<Uint8Array>;
  /** Returns undefined when the tag does not hold. */
  decryptAndHash(ciphertext: Uint8Array): Promise<Uint8Array | undefined>;
  handshakeHash(): Uint8Array;
  /** The two transport keys: first the initiator's sending key, then the responder's. Ends the state. */
  split(): Promise<readonly [Uint8Array, Uint8Array]>;
}

const HASH = 32;

export async function createSymmetricState(suite: Suite, protocolName: string): Promise<SymmetricState> {
  const name = utf8(protocolName);
  let h = name.length <= HASH ? concatBytes(name, new Uint8Array(HASH - name.length)) : await suite.sha256(name);
  let chainingKey: Uint8Array = Uint8Array.from(h);
  // Before the first mixKey Noise passes plaintext through. NK mixes es first, so an empty key, which seals nothing, will do.
  let key: Uint8Array = new Uint8Array(0);
  let counter = 0;

  const mixHash = async (data: Uint8Array): Promise<void> => {
    h = await suite.sha256(concatBytes(h, data));
  };

  return {
    mixHash,
    async mixKey(secret) {
      const [nextChainingKey, nextKey] = await hkdf2(suite, chainingKey, secret);
      secret.fill(0);
      chainingKey.fill(0);
      chainingKey = nextChainingKey;
      key.fill(0);
      key = nextKey;
      counter = 0;
    },
    async encryptAndHash(plaintext) {
      const ciphertext = await suite.sealAesGcm(key, cipherNonce(0, counter++), h, plaintext);
      await mixHash(ciphertext);
      return ciphertext;
    },
    async decryptAndHash(ciphertext) {
      const plaintext = await suite.openAesGcm(key, cipherNonce(0, counter++), h, ciphertext);
      if (plaintext !== undefined) await mixHash(ciphertext);
      return plaintext;
    },
    handshakeHash: () => Uint8Array.from(h),
    async split() {
      const keys = await hkdf2(suite, chainingKey, new Uint8Array(0));
      chainingKey.fill(0);
      key.fill(0);
      return keys;
    },
  };
}

/** Noise section 4.3, HKDF with two outputs. */
async function hkdf2(
  suite: Suite,
  chainingKey: Uint8Array,
  input: Uint8Array,
): Promise<readonly [Uint8Array, Uint8Array]> {
  const temporary = await suite.hmacSha256(chainingKey, input);
  const first = await suite.hmacSha256(temporary, Uint8Array.of(1));
  const second = await suite.hmacSha256(temporary, concatBytes(first, Uint8Array.of(2)));
  temporary.fill(0);
  return [first, second];
}
