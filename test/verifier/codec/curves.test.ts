import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isOnP256 } from '../../../verifier/codec/p256.ts';
import { isSameP384Signature } from '../../../verifier/codec/p384.ts';
import { concatBytes, fromHex } from '../../../wire/bytes.ts';
import { publicPoint } from '../../../wire/crypto/node-sign.ts';

const hex = (value: bigint, size: number): Uint8Array => fromHex(value.toString(16).padStart(2 * size, '0'));

describe('P-256', () => {
  const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const B = BigInt('0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b');
  const point = (x: bigint, y: bigint): Uint8Array => concatBytes(Uint8Array.of(4), hex(x, 32), hex(y, 32));

  function power(base: bigint, exponent: bigint): bigint {
    let result = 1n;
    for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % P) {
      if ((left & 1n) === 1n) result = (result * square) % P;
    }
    return result;
  }

  /** Small enough that x + p still fits in 32 bytes. */
  function smallPoint(): { readonly x: bigint; readonly y: bigint } {
    for (let x = 0n; ; x++) {
      const square = (((x * x * x - 3n * x + B) % P) + P) % P;
      const y = power(square, (P + 1n) / 4n);
      if ((y * y) % P === square) return { x, y };
    }
  }

  it('knows the points that OpenSSL makes, also inside a larger buffer', () => {
    for (let i = 0; i < 8; i++) {
      const key = publicPoint(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
      expect(isOnP256(key)).toBe(true);
      expect(isOnP256(concatBytes(Uint8Array.of(9), key, Uint8Array.of(9)).subarray(1, 66))).toBe(true);
      expect(isOnP256(key.with(64, (key[64] as number) ^ 1))).toBe(false);
      expect(isOnP256(key.with(0, 6))).toBe(false);
      expect(isOnP256(key.subarray(0, 64))).toBe(false);
      expect(isOnP256(concatBytes(key, Uint8Array.of(0)))).toBe(false);
    }
  });

  it('has one spelling of a point', () => {
    const { x, y } = smallPoint();
    expect([point(x, y), point(x, P - y)].map(isOnP256)).toEqual([true, true]);
    expect([point(x + P, y), point(x, y + 1n), point(P, y), point(x, P)].map(isOnP256)).toEqual(
      new Array(4).fill(false),
    );
  });

  it('has no point at zero', () => {
    expect(isOnP256(concatBytes(Uint8Array.of(4), new Uint8Array(64)))).toBe(false);
  });
});

describe('a P-384 signature', () => {
  const N = BigInt(
    '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  );
  const signature = (r: bigint, s: bigint): Uint8Array => concatBytes(hex(r, 48), hex(s, 48));
  const [r, s] = [2n ** 380n + 5n, 2n ** 370n + 9n];
  const one = signature(r, s);

  it.each<[string, Uint8Array, boolean]>([
    ['itself', signature(r, s), true],
    ['its twin n - s', signature(r, N - s), true],
    ['another s', signature(r, s + 1n), false],
    ['one off the twin', signature(r, N - s - 1n), false],
    ['another r', signature(r + 1n, s), false],
    ['another r with the twin', signature(r + 1n, N - s), false],
    ['a longer one', concatBytes(one, Uint8Array.of(0)), false],
    ['a shorter one', one.subarray(0, 95), false],
    ['nothing', new Uint8Array(0), false],
  ])('is the same as %s: %s', (_, other, same) => {
    expect(isSameP384Signature(one, other)).toBe(same);
    expect(isSameP384Signature(other, one)).toBe(same);
  });

  it('of another length is the same as none, not even itself', () => {
    const short = one.subarray(0, 95);
    expect(isSameP384Signature(short, short)).toBe(false);
  });
});
