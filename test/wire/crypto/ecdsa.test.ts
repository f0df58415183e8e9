import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { checkSignatureFormat, normaliseS, verifyLowS } from '../../../wire/crypto/ecdsa.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../../wire/crypto/node-sign.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { refusal, suites, tampered } from '../noise/support.ts';

const ORDER = p256.Point.CURVE().n;
const HALF = ORDER / 2n;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const point = publicPoint(publicKey);

function scalar(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0'));
}

function readScalar(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

describe('signature format', () => {
  const high = ORDER - 1n;
  it.each<readonly [name: string, r: bigint, s: bigint, code: string]>([
    ['the smallest values', 1n, 1n, 'accepted'],
    ['the largest r', ORDER - 1n, 1n, 'accepted'],
    ['s of half the order', 1n, HALF, 'accepted'],
    ['s one above half', 1n, HALF + 1n, 'signature_high_s'],
    ['the largest s', 1n, high, 'signature_high_s'],
    ['s of the order', 1n, ORDER, 'signature_format'],
    ['s of all ones', 1n, 2n ** 256n - 1n, 'signature_format'],
    ['s of zero', 1n, 0n, 'signature_format'],
    ['r of zero', 0n, 1n, 'signature_format'],
    ['r of the order', ORDER, 1n, 'signature_format'],
    ['r above the order', ORDER + 1n, 1n, 'signature_format'],
  ])('%s', async (_name, r, s, code) => {
    expect(await refusal(() => checkSignatureFormat(concatBytes(scalar(r), scalar(s))))).toBe(code);
  });

  it('has 64 bytes', async () => {
    for (const length of [0, 32, 63, 65, 72, 96]) {
      const bytes = new Uint8Array(length).fill(1);
      expect(await refusal(() => checkSignatureFormat(bytes))).toBe('signature_format');
      expect(await refusal(() => normaliseS(bytes))).toBe('signature_format');
    }
  });
});

describe('normaliseS', () => {
  it('maps s and n - s to the lower of the two, and touches nothing else', () => {
    const inOrder = fc.bigInt({ min: 1n, max: ORDER - 1n });
    fc.assert(
      fc.property(inOrder, inOrder, (r, s) => {
        const low = s > HALF ? ORDER - s : s;
        const input = concatBytes(scalar(r), scalar(s));
        const before = toHex(input);
        const output = normaliseS(input);
        expect(readScalar(output.subarray(0, 32))).toBe(r);
        expect(readScalar(output.subarray(32))).toBe(low);
        expect(toHex(input)).toBe(before);
        expect(normaliseS(output)).toEqual(output);
        checkSignatureFormat(output);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses scalars outside the group instead of mending them', async () => {
    expect(await refusal(() => normaliseS(concatBytes(scalar(1n), scalar(ORDER))))).toBe('signature_format');
    expect(await refusal(() => normaliseS(new Uint8Array(64)))).toBe('signature_format');
  });
});

describe.each(suites)('verifyLowS on the %s suite', (_name, suite) => {
  const message = utf8('message');

  it('accepts a signature and refuses its twin', async () => {
    const signature = signP256(privateKey, message);
    expect(await verifyLowS(suite, point, message, signature)).toBe(true);
    const twin = concatBytes(signature.subarray(0, 32), scalar(ORDER - readScalar(signature.subarray(32))));
    expect(await refusal(() => verifyLowS(suite, point, message, twin))).toBe('signature_high_s');
    expect(await verifyLowS(suite, point, message, normaliseS(twin))).toBe(true);
  });

  it('accepts no tampered byte of point, message or signature', async () => {
    const signature = signP256(privateKey, message);
    const verdict = async (p: Uint8Array, m: Uint8Array, s: Uint8Array) => {
      let verified = true;
      const code = await refusal(async () => {
        verified = await verifyLowS(suite, p, m, s);
      });
      return code === 'accepted' ? verified : code;
    };
    for (const changed of tampered(signature)) {
      expect([false, 'signature_high_s', 'signature_format']).toContain(await verdict(point, message, changed));
    }
    for (const changed of tampered(point)) expect(await verdict(changed, message, signature)).toBe(false);
    for (const changed of tampered(message)) expect(await verdict(point, changed, signature)).toBe(false);
  });

  it('throws for the form before it asks the primitive', async () => {
    const asked = { ...suite, verifyP256: () => true };
    expect(await refusal(() => verifyLowS(asked, point, message, new Uint8Array(64)))).toBe('signature_format');
  });
});

describe('signing', () => {
  const { privateKey: p384 } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const { privateKey: ed25519 } = generateKeyPairSync('ed25519');

  it('makes low-s signatures that both suites and an independent library accept', async () => {
    for (let i = 0; i < 64; i++) {
      const message = utf8(`message ${i}`);
      const signature = signP256(privateKey, message);
      expect(signature.constructor).toBe(Uint8Array);
      checkSignatureFormat(signature);
      expect(await verifyLowS(nodeSuite, point, message, signature)).toBe(true);
      if (i < 4) {
        expect(await verifyLowS(webSuite, point, message, signature)).toBe(true);
        expect(p256.verify(signature, message, point, { lowS: true })).toBe(true);
      }
    }
  });

  it('signs with P-256 private keys only', async () => {
    for (const key of [p384, ed25519, publicKey]) {
      expect(await refusal(() => signP256(key, new Uint8Array(1)))).toBe('key_invalid');
    }
  });

  it('states one point for both halves of a pair', async () => {
    expect(publicPoint(privateKey)).toEqual(point);
    expect(point).toHaveLength(65);
    expect(point[0]).toBe(4);
    for (const key of [p384, ed25519, createPublicKey(p384)]) {
      expect(await refusal(() => publicPoint(key))).toBe('key_invalid');
    }
  });

  it('keeps leading zeros of a coordinate', () => {
    // One key in 128 has a coordinate with a leading zero byte; so many draws without one do not happen.
    for (let i = 0; i < 5_000; i++) {
      const found = publicPoint(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
      if (found[1] !== 0 && found[33] !== 0) continue;
      expect(found).toHaveLength(65);
      p256.Point.fromBytes(found).assertValidity();
      return;
    }
    expect.unreachable('no key with a leading zero');
  });
});
