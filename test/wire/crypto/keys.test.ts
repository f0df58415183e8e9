import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { checkSignatureFormat } from '../../../wire/crypto/ecdsa.ts';
import { importPoint } from '../../../wire/crypto/node.ts';
import { isRsa4096 } from '../../../wire/crypto/suite.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { refusal, suites } from '../noise/support.ts';

describe.each([
  ['P-256', 32, 'sha256'],
  ['P-384', 48, 'sha384'],
] as const)('a point of %s', (curve, size, hash) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const jwk = publicKey.export({ format: 'jwk' });
  const coordinate = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? '', 'base64url'));
  const [x, y] = [coordinate(jwk.x), coordinate(jwk.y)];
  const point = concatBytes(Uint8Array.of(4), x, y);

  it('is imported as the key that it is', () => {
    const imported = importPoint(curve, point);
    expect(imported.equals(publicKey)).toBe(true);
    expect(verify(hash, utf8('text'), imported, sign(hash, utf8('text'), privateKey))).toBe(true);
  });

  it.each<[string, Uint8Array]>([
    ['compressed', concatBytes(Uint8Array.of(2 + ((y[size - 1] as number) & 1)), x)],
    ['hybrid', concatBytes(Uint8Array.of(6 + ((y[size - 1] as number) & 1)), x, y)],
    ['longer', concatBytes(point, Uint8Array.of(0))],
    ['shorter', point.subarray(0, -1)],
    ['off the curve', point.with(2 * size, (point[2 * size] as number) ^ 1)],
    ['at infinity', Uint8Array.of(0)],
    ['of the other curve’s length', new Uint8Array(curve === 'P-256' ? 97 : 65).fill(4)],
  ])('is refused when it is %s', async (_, other) => {
    expect(await refusal(() => importPoint(curve, other))).toBe('key_invalid');
  });
});

describe('an RSA key', () => {
  const modulus = (first: number, last: number, length = 512): Uint8Array =>
    new Uint8Array(length).with(0, first).with(length - 1, last);

  it.each<[string, Uint8Array, number, boolean]>([
    ['the lowest top byte', modulus(0x80, 1), 65_537, true],
    ['all bits', new Uint8Array(512).fill(0xff), 65_537, true],
    ['a bit less', modulus(0x7f, 1), 65_537, false],
    ['an even modulus', modulus(0x80, 2), 65_537, false],
    ['a byte less', modulus(0x80, 1, 511), 65_537, false],
    ['a byte more', modulus(0x80, 1, 513), 65_537, false],
    ['no bytes', new Uint8Array(0), 65_537, false],
    ['exponent 3', modulus(0x80, 1), 3, false],
  ])('with %s', (_, bytes, exponent, taken) => {
    expect(isRsa4096(bytes, exponent)).toBe(taken);
  });
});

describe.each(suites)('%s suite: keys', (_, suite) => {
  it('generates pairs that differ and agree', async () => {
    const [a, b] = [await suite.generateX25519(), await suite.generateX25519()];
    expect(a.publicKey).toHaveLength(32);
    expect(a.publicKey).not.toEqual(b.publicKey);
    expect(await suite.x25519(a, b.publicKey)).toEqual(await suite.x25519(b, a.publicKey));
  });

  it('opens a sealed nothing', async () => {
    const [key, nonce] = [new Uint8Array(32).fill(1), new Uint8Array(12)];
    const nothing = new Uint8Array(0);
    const sealed = await suite.sealAesGcm(key, nonce, utf8('place'), nothing);
    expect(sealed).toHaveLength(16);
    expect(await suite.openAesGcm(key, nonce, utf8('place'), sealed)).toEqual(nothing);
  });
});

it('the browser suite names a key of another size, which WebCrypto would take for AES-128', async () => {
  const seal = (length: number) => () =>
    webSuite.sealAesGcm(new Uint8Array(length), new Uint8Array(12), new Uint8Array(0), new Uint8Array(0));
  for (const length of [0, 16, 24, 33]) expect(await refusal(seal(length))).toBe('key_invalid');
});

it('a scalar outside the group is named by its place', () => {
  const one = new Uint8Array(32).with(31, 1);
  const zero = new Uint8Array(32);
  for (const [bytes, offset] of [
    [concatBytes(zero, one), 0],
    [concatBytes(one, zero), 32],
  ] as const) {
    expect(() => checkSignatureFormat(bytes)).toThrow(
      expect.objectContaining({ code: 'signature_format', place: { offset } }),
    );
  }
});
