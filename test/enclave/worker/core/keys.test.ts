import { sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSecretSource } from '../../../../enclave/worker/keys.ts';
import { equalBytes, toHex, utf8 } from '../../../../wire/bytes.ts';
import { importPoint, nodeSuite } from '../../../../wire/crypto/node.ts';
import { publicPoint } from '../../../../wire/crypto/node-sign.ts';

const entropy = new Uint8Array(256).fill(5);

describe('keys of a process', () => {
  it('are new every time, even where the hardware says the same', () => {
    const sources = Array.from({ length: 20 }, () => createSecretSource(entropy).keys);
    expect(new Set(sources.map(({ signerPoint }) => toHex(signerPoint))).size).toBe(20);
    expect(new Set(sources.map(({ seal }) => toHex(seal.publicKey))).size).toBe(20);
  });

  it('have a signer whose point is the one that is attested', () => {
    const { signer, signerPoint } = createSecretSource(entropy).keys;
    expect(signerPoint).toHaveLength(65);
    expect(equalBytes(publicPoint(signer), signerPoint)).toBe(true);
    const message = utf8('a head');
    const signature = sign('sha256', message, signer);
    expect(verify('sha256', message, importPoint('P-256', signerPoint), signature)).toBe(true);
  });

  it('have scalars of full length in the range of the curve', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    for (let i = 0; i < 20; i++) {
      const { d } = createSecretSource(entropy).keys.signer.export({ format: 'jwk' });
      const scalar = Buffer.from(d as string, 'base64url');
      expect(scalar).toHaveLength(32);
      const value = BigInt(`0x${scalar.toString('hex')}`);
      expect(value > 0n && value < order).toBe(true);
    }
  });

  it('have a seal key that agrees with its public half', () => {
    const { seal } = createSecretSource(entropy).keys;
    const other = nodeSuite.generateX25519();
    const [mine, theirs] = [nodeSuite.x25519(seal, other.publicKey), nodeSuite.x25519(other, seal.publicKey)];
    expect(equalBytes(mine, theirs)).toBe(true);
  });

  it('stay the same for as long as the source lives', () => {
    const source = createSecretSource(entropy);
    expect(source.keys).toBe(source.keys);
  });
});

describe('ephemeral keys', () => {
  it('are never the same twice, and never the seal key', () => {
    const { keys, ephemeral } = createSecretSource(entropy);
    const made = Array.from({ length: 50 }, () => toHex(ephemeral().publicKey));
    expect(new Set([...made, toHex(keys.seal.publicKey)]).size).toBe(51);
  });

  it('do not follow what the caller does to its entropy afterwards', () => {
    const given = Uint8Array.from(entropy);
    const { ephemeral } = createSecretSource(given);
    given.fill(0);
    expect(ephemeral().publicKey).toHaveLength(32);
  });
});
