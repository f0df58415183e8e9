import { describe, expect, it } from 'vitest';
import { combine, GENERATOR } from '../../contracts/prover/p384/curve.ts';
import {
  P384ProofError,
  type P384ProofErrorCode,
  type P384Signature,
  p384Statement,
  proveP384,
} from '../../contracts/prover/p384/index.ts';
import { generatorTables } from '../../contracts/prover/p384/tables.ts';
import { bytes48, numbers, ORDER, Point, randomSignature } from './support/p384.ts';

const good = randomSignature(numbers('prover'));

function codeOf(change: Partial<P384Signature>): P384ProofErrorCode | 'hints' {
  try {
    proveP384({ ...good, ...change });
    return 'hints';
  } catch (error) {
    if (error instanceof P384ProofError) return error.code;
    throw error;
  }
}

describe('proveP384', () => {
  it('says why there are no hints', () => {
    expect(codeOf({})).toBe('hints');
    expect(codeOf({ hash: new Uint8Array(32) })).toBe('hash_length');
    expect(codeOf({ hash: bytes48(1n) })).toBe('signature_invalid');
    for (const value of [0n, ORDER, 2n ** 384n - 1n]) {
      expect(codeOf({ r: bytes48(value) })).toBe('scalar_out_of_range');
      expect(codeOf({ s: bytes48(value) })).toBe('scalar_out_of_range');
    }
    expect(codeOf({ r: good.r.subarray(1) })).toBe('scalar_out_of_range');
    expect(codeOf({ publicKey: good.publicKey.subarray(1) })).toBe('key_format');
    expect(codeOf({ publicKey: Uint8Array.of(3, ...good.publicKey.subarray(1)) })).toBe('key_format');
    const offCurve = Uint8Array.from(good.publicKey);
    offCurve[96] = (offCurve[96] ?? 0) ^ 1;
    expect(codeOf({ publicKey: offCurve })).toBe('key_not_on_curve');
    expect(codeOf({ publicKey: Point.BASE.multiply(7n).toBytes(false) })).toBe('signature_invalid');
  });

  it('calls a signature whose sum is infinity invalid', () => {
    // hash + r secret = 0: u1 G + u2 Q = O for every s.
    const secret = 11n;
    const r = Point.BASE.multiply(5n).toAffine().x % ORDER;
    const hash = ORDER - ((r * secret) % ORDER);
    const publicKey = Point.BASE.multiply(secret).toBytes(false);
    expect(codeOf({ hash: bytes48(hash), r: bytes48(r), s: bytes48(1n), publicKey })).toBe('signature_invalid');
  });

  it('makes the same hints for the same signature, and in good time', () => {
    const first = proveP384(good);
    expect(first.length).toBeGreaterThan(13_000);
    expect(first.length).toBeLessThan(16_500);
    const started = process.hrtime.bigint();
    for (let round = 0; round < 10; round++) expect(proveP384(good)).toEqual(first);
    const each = Number(process.hrtime.bigint() - started) / 1e7;
    console.log(`P-384 prover: ${each.toFixed(1)} ms a signature`);
    expect(each).toBeLessThan(2_000);
  });

  it('writes the statement as hash, r, s, x, y', () => {
    const statement = p384Statement(good);
    expect(statement.length).toBe(240);
    expect(Buffer.from(statement.subarray(144))).toEqual(Buffer.from(good.publicKey.subarray(1)));
  });
});

describe("the prover's own curve", () => {
  it('agrees with another implementation on sums and tables', () => {
    const next = numbers('sums');
    for (let round = 0; round < 10; round++) {
      const [a, b, key] = [next(), next(), Point.BASE.multiply(next())];
      expect(combine(a, b, key.toAffine())).toEqual(Point.BASE.multiply(a).add(key.multiply(b)).toAffine());
    }
    const { low, high } = generatorTables();
    const base = Point.BASE.multiply(2n ** 192n);
    for (const index of [0, 1, 64, 127]) {
      const odd = BigInt(2 * index + 1);
      expect(low[index]).toEqual(Point.BASE.multiply(odd).toAffine());
      expect(high[index]).toEqual(base.multiply(odd).toAffine());
    }
    expect([low.length, high.length]).toEqual([128, 128]);
  });

  it('handles sums of equal, opposite and no points', () => {
    const negative = Point.BASE.negate().toAffine();
    expect(combine(5n, 5n, negative)).toBeNull();
    expect(combine(5n, 4n, negative)).toEqual(GENERATOR);
    expect(combine(2n, 3n, GENERATOR)).toEqual(Point.BASE.multiply(5n).toAffine());
    expect(combine(0n, 0n, GENERATOR)).toBeNull();
  });
});
