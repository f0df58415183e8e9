import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { publicPoint } from '../../../wire/crypto/node-sign.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { LOW_ORDER_POINTS } from '../noise/low-order.ts';
import { refusal, suites } from '../noise/support.ts';

const empty = new Uint8Array(0);

describe.each(suites)('%s suite', (_name, suite) => {
  it('hashes as FIPS 180-4 says', async () => {
    expect(toHex(await suite.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(toHex(await suite.sha384(utf8('abc')))).toBe(
      'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    );
  });

  it('makes the HMAC of RFC 4231, case 2', async () => {
    expect(toHex(await suite.hmacSha256(utf8('Jefe'), utf8('what do ya want for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  it('agrees on the secret of RFC 7748, section 6.1', async () => {
    const bob = await suite.importX25519(fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
    expect(toHex(bob.publicKey)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const alice = fromHex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(toHex(await suite.x25519(bob, alice))).toBe(
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    );
  });

  it('refuses low-order X25519 keys and keys of another length', async () => {
    const pair = await suite.generateX25519();
    for (const point of LOW_ORDER_POINTS) {
      expect(await refusal(() => suite.x25519(pair, fromHex(point)))).toBe('key_invalid');
    }
    for (const length of [0, 31, 33]) {
      expect(await refusal(() => suite.x25519(pair, new Uint8Array(length).fill(9)))).toBe('key_invalid');
      expect(await refusal(() => suite.importX25519(new Uint8Array(length)))).toBe('key_invalid');
    }
  });

  it('seals as cases 13 and 14 of the GCM specification', async () => {
    const key = new Uint8Array(32);
    const nonce = new Uint8Array(12);
    expect(toHex(await suite.sealAesGcm(key, nonce, empty, empty))).toBe('530f8afbc74536b9a963b4f1c4cb738b');
    expect(toHex(await suite.sealAesGcm(key, nonce, empty, new Uint8Array(16)))).toBe(
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    );
  });

  it('opens only what was sealed', async () => {
    const key = new Uint8Array(32).fill(1);
    const nonce = new Uint8Array(12).fill(2);
    const sealed = await suite.sealAesGcm(key, nonce, utf8('place'), utf8('content'));
    expect(await suite.openAesGcm(key, nonce, utf8('place'), sealed)).toEqual(utf8('content'));
    expect(await suite.openAesGcm(key, nonce, utf8('other'), sealed)).toBeUndefined();
    expect(await suite.openAesGcm(key, new Uint8Array(12), utf8('place'), sealed)).toBeUndefined();
    expect(await suite.openAesGcm(new Uint8Array(32), nonce, utf8('place'), sealed)).toBeUndefined();
    for (let length = 0; length < sealed.length; length++) {
      expect(await suite.openAesGcm(key, nonce, utf8('place'), sealed.subarray(0, length))).toBeUndefined();
    }
  });

  it('takes AES-256 keys only', async () => {
    for (const length of [0, 16, 24, 33]) {
      const attempt = async () => {
        await suite.sealAesGcm(new Uint8Array(length), new Uint8Array(12), empty, empty);
      };
      await expect(attempt()).rejects.toThrow();
    }
  });

  it('draws random bytes of any length, beyond one quota of getRandomValues', () => {
    for (const length of [0, 1, 32, 65_536, 65_537, 200_000]) {
      const bytes = suite.randomBytes(length);
      expect(bytes).toHaveLength(length);
      expect(bytes.constructor).toBe(Uint8Array);
      if (length >= 65_536) expect(bytes.subarray(-64).every((byte) => byte === 0)).toBe(false);
    }
    expect(suite.randomBytes(32)).not.toEqual(suite.randomBytes(32));
  });

  it.each([
    ['P-256', 'sha256', 32],
    ['P-384', 'sha384', 48],
  ] as const)(
    'verifies %s over uncompressed points and r||s, and says false to the rest',
    async (curve, hash, size) => {
      const verify = curve === 'P-256' ? suite.verifyP256 : suite.verifyP384;
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
      const jwk = publicKey.export({ format: 'jwk' });
      const x = new Uint8Array(Buffer.from(jwk.x as string, 'base64url'));
      const y = new Uint8Array(Buffer.from(jwk.y as string, 'base64url'));
      const point = concatBytes(Uint8Array.of(4), x, y);
      const message = utf8('message');
      const signature = new Uint8Array(sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
      expect(await verify(point, message, signature)).toBe(true);
      if (curve === 'P-384') {
        const beside = [signature, signature.with(0, (signature[0] as number) ^ 1), empty];
        const results = beside.map((other) => suite.verifyP384(point, message, other, 'beside'));
        expect(await Promise.all(results)).toEqual([true, false, false]);
      }

      const parity = (y[size - 1] as number) & 1;
      const offCurve = Uint8Array.from(point);
      offCurve[2 * size] = (offCurve[2 * size] as number) ^ 1;
      const points = {
        compressed: concatBytes(Uint8Array.of(2 + parity), x),
        hybrid: concatBytes(Uint8Array.of(6 + parity), x, y),
        offCurve,
        infinity: Uint8Array.of(0),
        zero: concatBytes(Uint8Array.of(4), new Uint8Array(2 * size)),
        beyondTheField: concatBytes(Uint8Array.of(4), new Uint8Array(2 * size).fill(0xff)),
        short: point.subarray(0, 2 * size),
        empty,
      };
      for (const [kind, other] of Object.entries(points)) {
        expect({ kind, verified: await verify(other, message, signature) }).toEqual({ kind, verified: false });
      }

      const der = new Uint8Array(sign(hash, message, { key: privateKey, dsaEncoding: 'der' }));
      const signatures = {
        der,
        short: signature.subarray(1),
        long: concatBytes(signature, Uint8Array.of(0)),
        prefixed: concatBytes(Uint8Array.of(0), signature),
        zeros: new Uint8Array(2 * size),
        empty,
      };
      for (const [kind, other] of Object.entries(signatures)) {
        expect({ kind, verified: await verify(point, message, other) }).toEqual({ kind, verified: false });
      }
      expect(await verify(point, utf8('messagf'), signature)).toBe(false);
    },
  );
});

describe('the two suites', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

  it('hash, authenticate and seal alike', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, key, nonce, async (data, associated, aesKey, gcmNonce) => {
        expect(await webSuite.sha256(data)).toEqual(nodeSuite.sha256(data));
        expect(await webSuite.sha384(data)).toEqual(nodeSuite.sha384(data));
        expect(await webSuite.hmacSha256(associated, data)).toEqual(nodeSuite.hmacSha256(associated, data));
        const sealed = nodeSuite.sealAesGcm(aesKey, gcmNonce, associated, data);
        expect(await webSuite.sealAesGcm(aesKey, gcmNonce, associated, data)).toEqual(sealed);
        expect(await webSuite.openAesGcm(aesKey, gcmNonce, associated, sealed)).toEqual(data);
      }),
      { numRuns: 50 },
    );
  });

  it('derive alike from any private key', async () => {
    await fc.assert(
      fc.asyncProperty(key, key, async (first, second) => {
        const [a, b] = [nodeSuite.importX25519(first), await webSuite.importX25519(second)];
        expect((await webSuite.importX25519(first)).publicKey).toEqual(a.publicKey);
        expect(await webSuite.x25519(b, a.publicKey)).toEqual(nodeSuite.x25519(a, b.publicKey));
      }),
      { numRuns: 25 },
    );
  });

  it('accept an HMAC key of no bytes', async () => {
    expect(await webSuite.hmacSha256(empty, utf8('data'))).toEqual(nodeSuite.hmacSha256(empty, utf8('data')));
  });

  it('refuse an all-zero secret from a browser that does not', async () => {
    const pair = await webSuite.generateX25519();
    const careless = vi.spyOn(globalThis.crypto.subtle, 'deriveBits').mockResolvedValue(new ArrayBuffer(32));
    try {
      expect(await refusal(() => webSuite.x25519(pair, new Uint8Array(32).fill(9)))).toBe('key_invalid');
      expect(careless).toHaveBeenCalledOnce();
    } finally {
      careless.mockRestore();
    }
  });

  it('leave private keys inside the browser', async () => {
    const { privateKey } = await webSuite.importX25519(new Uint8Array(32).fill(7));
    expect((privateKey as { extractable: boolean }).extractable).toBe(false);
    const generated = await webSuite.generateX25519();
    expect((generated.privateKey as { extractable: boolean }).extractable).toBe(false);
  });

  it('accept a high s in the primitive: the low-s rule is the callers', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const message = utf8('either half');
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const signature = new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    const s = BigInt(`0x${toHex(signature.subarray(32))}`);
    const twin = concatBytes(signature.subarray(0, 32), fromHex((order - s).toString(16).padStart(64, '0')));
    for (const [, suite] of suites) {
      expect(await suite.verifyP256(publicPoint(privateKey), message, signature)).toBe(true);
      expect(await suite.verifyP256(publicPoint(privateKey), message, twin)).toBe(true);
    }
  });
});
