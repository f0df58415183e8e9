import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { cipherNonce } from '../../../wire/noise/nonce.ts';
import { createSymmetricState } from '../../../wire/noise/symmetric.ts';

const secret = (): Uint8Array => new Uint8Array(32).fill(7);

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return nodeSuite.hmacSha256(key, data) as Uint8Array;
}

/** HKDF with two outputs, as Noise section 4.3 writes it. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const temporary = hmac(chainingKey, input);
  const first = hmac(temporary, Uint8Array.of(1));
  return [first, hmac(temporary, concatBytes(first, Uint8Array.of(2)))];
}

describe('a symmetric state (Noise section 5.2)', () => {
  it.each([
    ['padded with zeros up to 32 bytes', 'Noise_NK', concatBytes(utf8('Noise_NK'), new Uint8Array(24))],
    ['itself at 32 bytes', 'n'.repeat(32), utf8('n'.repeat(32))],
    ['hashed beyond', 'n'.repeat(33), sha256(utf8('n'.repeat(33)))],
  ])('starts from its name, %s', async (_, name, start) => {
    expect((await createSymmetricState(nodeSuite, name)).handshakeHash()).toEqual(start);
  });

  it('counts messages from zero under each key, on both sides', async () => {
    const [alice, bob] = [await createSymmetricState(nodeSuite, 'n'), await createSymmetricState(nodeSuite, 'n')];
    const start = alice.handshakeHash();
    await alice.mixKey(secret());
    await bob.mixKey(secret());
    const [, key] = hkdf(start, secret());
    for (const counter of [0, 1, 2]) {
      const before = alice.handshakeHash();
      const sealed = await alice.encryptAndHash(utf8('text'));
      expect(sealed).toEqual(await nodeSuite.sealAesGcm(key, cipherNonce(0, counter), before, utf8('text')));
      expect(await bob.decryptAndHash(sealed)).toEqual(utf8('text'));
      expect(bob.handshakeHash()).toEqual(alice.handshakeHash());
    }
    await alice.mixKey(secret());
    await bob.mixKey(secret());
    expect(await bob.decryptAndHash(await alice.encryptAndHash(utf8('again')))).toEqual(utf8('again'));
  });

  it('takes nothing of a message whose tag does not hold into its hash', async () => {
    const state = await createSymmetricState(nodeSuite, 'n');
    await state.mixKey(secret());
    const before = state.handshakeHash();
    expect(await state.decryptAndHash(new Uint8Array(20))).toBeUndefined();
    expect(state.handshakeHash()).toEqual(before);
  });
});
