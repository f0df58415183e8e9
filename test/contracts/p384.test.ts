import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { zeroAddress } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { P384ProofError, type P384Signature, p384Statement, proveP384 } from '../../contracts/prover/p384/index.ts';
import { artifact } from '../../contracts/tools/artifacts.ts';
import { runs } from '../support/runs.ts';
import {
  bytes48,
  foreignHints,
  modulo,
  numbers,
  ORDER,
  type P384World,
  Point,
  PRIME,
  p384World,
  randomSignature,
  signWith,
  toInteger,
} from './support/p384.ts';

let world: P384World;

beforeAll(async () => {
  world = await p384World();
});

afterAll(() => world.chain.stop());

const accepts = async (signature: P384Signature): Promise<boolean> =>
  (await world.ask(p384Statement(signature), proveP384(signature))) === 'proven';

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

describe('P384Verifier', () => {
  it('fits EIP-170', () => {
    expect(world.runtimeBytes).toBeLessThanOrEqual(24_576);
  });

  it('takes no other data contracts for its tables', async () => {
    const verifier = await artifact('P384Verifier');
    await expect(world.chain.deploy(verifier, [zeroAddress, zeroAddress])).rejects.toThrow('was not created');
    const low = await world.chain.deploy(await artifact('P384TableLow'));
    await expect(world.chain.deploy(verifier, [low, low])).rejects.toThrow('was not created');
  });

  it('accepts random signatures, with high s as with low', { timeout: 3_600_000 }, async () => {
    const next = numbers('random signatures');
    let high = 0;
    const refused: number[] = [];
    for (let index = 0; index < runs(250); index++) {
      const signature = randomSignature(next);
      if (toInteger(signature.s) > ORDER / 2n) high += 1;
      if (!(await accepts(signature))) refused.push(index);
    }
    expect(refused).toEqual([]);
    expect(high).toBeGreaterThan(50);
  });

  it('refuses every changed bit of the statement and of the hints', { timeout: 3_600_000 }, async () => {
    const next = numbers('changed bits');
    const accepted: string[] = [];
    for (let round = 0; round < runs(10); round++) {
      const signature = randomSignature(next);
      const statement = p384Statement(signature);
      const hints = proveP384(signature);
      const digits = 2 * (((hints[50] ?? 0) << 8) | (hints[51] ?? 0));
      const at = (from: number, length: number): number => 8 * from + Number(next() % BigInt(8 * length));
      for (const field of [0, 48, 96, 144, 192]) {
        if ((await world.ask(flipped(statement, at(field, 48)), hints)) === 'proven') accepted.push(`field ${field}`);
      }
      const places = [at(0, 48), ...[48, 49, 50, 51].map((byte) => at(byte, 1)), at(52, digits), at(52, digits)];
      for (let slope = 0; slope < 8; slope++) places.push(at(52 + digits, hints.length - 52 - digits));
      for (const bit of places) {
        if ((await world.ask(statement, flipped(hints, bit))) === 'proven') accepted.push(`round ${round} bit ${bit}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('refuses hints that are missing, cut, longer, or of another signature', async () => {
    const signature = randomSignature(numbers('cut hints'));
    const statement = p384Statement(signature);
    const hints = proveP384(signature);
    for (const wrong of [
      new Uint8Array(0),
      hints.subarray(0, 52),
      hints.subarray(0, -1),
      hints.subarray(0, -48),
      Uint8Array.of(...hints, 0),
      Uint8Array.of(...hints, ...hints.subarray(-48)),
      foreignHints(),
    ]) {
      expect(await world.ask(statement, wrong)).toBe('P384NotProven');
    }
    expect(await world.ask(statement.subarray(1), hints)).toBe('other revert');
  });

  it('takes as hints only what the digits say: at most 400 of them, from position 200 at most', async () => {
    const signature = randomSignature(numbers('digits'));
    const statement = p384Statement(signature);
    const hints = proveP384(signature);
    const first = 52;
    const changed = (byte: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(hints);
      copy[byte] = value;
      return copy;
    };
    expect(await world.ask(statement, changed(48, 201))).toBe('P384NotProven');
    expect(await world.ask(statement, changed(50, 2))).toBe('P384NotProven');
    // A first digit of another kind would add to a point that nobody gave.
    for (const kind of [0, 4, 8]) {
      const op = ((hints[first] ?? 0) & 0xf3) | kind;
      expect(await world.ask(statement, changed(first, op))).toBe('P384NotProven');
    }
    // A second start would forget the sum before it.
    expect(await world.ask(statement, changed(first + 20, ((hints[first + 20] ?? 0) & 0x03) | 0x0c))).toBe(
      'P384NotProven',
    );
  });

  it('says which of range and key is wrong', async () => {
    const signature = randomSignature(numbers('ranges'));
    const hints = proveP384(signature);
    const ask = (change: Partial<P384Signature>): Promise<string> =>
      world.ask(p384Statement({ ...signature, ...change }), hints);
    for (const value of [0n, ORDER, ORDER + 1n, 2n ** 384n - 1n]) {
      expect(await ask({ r: bytes48(value) })).toBe('P384ScalarOutOfRange');
      expect(await ask({ s: bytes48(value) })).toBe('P384ScalarOutOfRange');
    }
    const { x, y } = Point.fromBytes(signature.publicKey).toAffine();
    const key = (a: bigint, b: bigint): Uint8Array => Buffer.concat([Buffer.of(4), bytes48(a), bytes48(b)]);
    for (const wrong of [key(x, y ^ 1n), key(0n, 0n), key(y, x), key(PRIME, y), key(x, PRIME)])
      expect(await ask({ publicKey: wrong })).toBe('P384KeyNotOnCurve');
    // A point of small order of another curve with the same a: (x, 0).
    expect(await ask({ publicKey: key(x, 0n) })).toBe('P384KeyNotOnCurve');
    expect(await ask({ publicKey: key(x, PRIME - y) })).toBe('P384NotProven');
  });
});

describe('P384Verifier at the edges of ECDSA', () => {
  it('takes s below p but not s + n, and a hash modulo n', async () => {
    const next = numbers('small s');
    for (let s = 3n; s < 6n; s++) {
      const [secret, nonce] = [next(), next()];
      const r = Point.BASE.multiply(nonce).toAffine().x % ORDER;
      const hash = modulo(s * nonce - r * secret, ORDER);
      const signature = signWith(secret, nonce, hash);
      if (signature === undefined) throw new RangeError('no signature');
      const hints = proveP384(signature);
      expect(await world.ask(p384Statement(signature), hints)).toBe('proven');
      expect(await world.ask(p384Statement({ ...signature, s: bytes48(s + ORDER) }), hints)).toBe(
        'P384ScalarOutOfRange',
      );
      if (hash + ORDER < 2n ** 384n)
        expect(await world.ask(p384Statement({ ...signature, hash: bytes48(hash + ORDER) }), hints)).toBe('proven');
    }
    const wrapped = signWith(next(), next(), ORDER + 5n);
    expect(wrapped !== undefined && (await accepts(wrapped))).toBe(true);
  });

  it('takes an R whose x is r + n, and the other spelling never', async () => {
    const next = numbers('r + n');
    for (const from of [ORDER, 1n]) {
      let found = 0;
      for (let x = from; found < 3; x++) {
        const commitment = pointAt(x);
        if (commitment === undefined || x % ORDER === 0n) continue;
        found += 1;
        const [u1, u2, r] = [next(), next(), x % ORDER];
        const key = commitment.subtract(Point.BASE.multiply(u1)).multiply(Point.Fn.inv(u2));
        const s = Point.Fn.mul(r, Point.Fn.inv(u2));
        const signature = {
          hash: bytes48(Point.Fn.mul(u1, s)),
          r: bytes48(r),
          s: bytes48(s),
          publicKey: key.toBytes(false),
        };
        const hints = proveP384(signature);
        expect(hints[49]).toBe(from === ORDER ? 1 : 0);
        expect(await world.ask(p384Statement(signature), hints)).toBe('proven');
        expect(await world.ask(p384Statement(signature), flipped(hints, 8 * 49))).toBe('P384NotProven');
        expect(await world.ask(p384Statement({ ...signature, r: bytes48(r + ORDER) }), hints)).not.toBe('proven');
      }
    }
  });

  it('takes keys and nonces that are small multiples of G, of each other or equal', {
    timeout: 3_600_000,
  }, async () => {
    const next = numbers('degenerate');
    const half = 2n ** 192n;
    const refused: string[] = [];
    let tried = 0;
    for (const secret of [1n, 2n, 3n, 8n, ORDER - 1n, half, ORDER - half, (ORDER + 1n) / 2n])
      for (const nonce of [1n, 2n, ORDER - 1n, secret, modulo(2n * secret, ORDER), ORDER - secret, half])
        for (const hash of [0n, 1n, ORDER - 1n, next()]) {
          const signature = signWith(secret, nonce, hash);
          if (signature === undefined) continue;
          tried += 1;
          if (!(await accepts(signature))) refused.push(`secret ${secret} nonce ${nonce} hash ${hash}`);
        }
    expect(refused).toEqual([]);
    expect(tried).toBeGreaterThan(150);
  });
});

function pointAt(x: bigint): ReturnType<typeof Point.fromAffine> | undefined {
  try {
    return Point.fromHex(`02${x.toString(16).padStart(96, '0')}`);
  } catch {
    return undefined;
  }
}

interface Group {
  readonly publicKey: { readonly uncompressed: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: string;
  }[];
}

const wycheproof = new URL(
  '../../../shared/vectors/wycheproof/ecdsa_secp384r1_sha384_p1363_test.json',
  import.meta.url,
);

describe.skipIf(!existsSync(wycheproof))(
  'Wycheproof P-384 on chain (skipped where ../shared/vectors is absent)',
  () => {
    it('agrees on every fixed-length signature', { timeout: 3_600_000 }, async () => {
      const { testGroups } = JSON.parse(readFileSync(wycheproof, 'utf8')) as { testGroups: Group[] };
      const foreign = foreignHints();
      const wrong: string[] = [];
      let count = 0;
      for (const { publicKey, tests } of testGroups) {
        for (const { tcId, msg, sig, result } of tests) {
          count += 1;
          const fixed = Buffer.from(sig, 'hex');
          const hash = createHash('sha384').update(Buffer.from(msg, 'hex')).digest();
          const key = Buffer.from(publicKey.uncompressed, 'hex');
          const statement = Buffer.concat([hash, fixed, key.subarray(1)]);
          const hints = hintsOr(
            { hash, r: fixed.subarray(0, 48), s: fixed.subarray(48), publicKey: key },
            result === 'valid' ? undefined : foreign,
          );
          const proven = (await world.ask(statement, hints)) === 'proven';
          if (proven !== (result === 'valid')) wrong.push(`${tcId}: ${result}`);
        }
      }
      expect(wrong).toEqual([]);
      expect(count).toBeGreaterThan(250);
    });
  },
);

/** Hints of the signature itself wherever there are any, so that a wrong acceptance is not hidden by wrong hints. */
function hintsOr(signature: P384Signature, otherwise: Uint8Array | undefined): Uint8Array {
  try {
    return proveP384(signature);
  } catch (error) {
    if (otherwise === undefined || !(error instanceof P384ProofError)) throw error;
    return otherwise;
  }
}
