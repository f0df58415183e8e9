import { existsSync, readFileSync } from 'node:fs';
import { type Address, encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, type Hardfork, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { sign, testKey } from '../vectors/golden/keys.ts';

/** Osaka has the precompile of EIP-7951; Prague has not, and verifies in Solidity. */
const hardforks: readonly Hardfork[] = ['osaka', 'prague'];
const PRECOMPILE: Address = '0x0000000000000000000000000000000000000100';
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

interface Statement {
  /** 04 || x || y */
  readonly point: Uint8Array;
  readonly message: Uint8Array;
  /** r || s */
  readonly signature: Uint8Array;
}

interface World {
  readonly chain: Chain;
  readonly at: Address;
}

let harness: Artifact;
const worlds = new Map<Hardfork, World>();

beforeAll(async () => {
  harness = await artifact('P256Harness');
  for (const hardfork of hardforks) {
    const chain = await startChain({ hardfork });
    worlds.set(hardfork, { chain, at: await chain.deploy(harness) });
  }
});

afterAll(() => Promise.all([...worlds.values()].map(({ chain }) => chain.stop())));

function worldOf(hardfork: Hardfork): World {
  const world = worlds.get(hardfork);
  if (world === undefined) throw new RangeError(hardfork);
  return world;
}

function words({ point, message, signature }: Statement): readonly Hex[] {
  const halves = [signature.subarray(0, 32), signature.subarray(32), point.subarray(1, 33), point.subarray(33)];
  return [sha256(message), ...halves].map((word): Hex => `0x${toHex(word)}`);
}

async function onChain(hardfork: Hardfork, name: 'verify' | 'verifyHere', statement: Statement): Promise<boolean> {
  const { chain, at } = worldOf(hardfork);
  const data = encodeFunctionData({ abi: harness.abi, functionName: name, args: words(statement) });
  return BigInt(await chain.call({ to: at, data })) === 1n;
}

/** As every verifier of Proofmark's in TypeScript judges it. */
async function inTypeScript({ point, message, signature }: Statement): Promise<boolean> {
  try {
    return await verifyLowS(nodeSuite, point, message, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

/** The verdicts of the precompile, of a chain without one, and of the Solidity that such a chain runs. */
async function verdicts(statement: Statement): Promise<readonly boolean[]> {
  return [
    await onChain('osaka', 'verify', statement),
    await onChain('prague', 'verify', statement),
    await onChain('osaka', 'verifyHere', statement),
  ];
}

const key = testKey('P-256 on chain');
const message = utf8('what was signed');
const good: Statement = { point: key.point, message, signature: sign(key, message) };

function withNumber(bytes: Uint8Array, offset: number, value: bigint): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(fromHex(value.toString(16).padStart(64, '0')), offset);
  return copy;
}

const numberAt = (bytes: Uint8Array, offset: number): bigint =>
  BigInt(`0x${toHex(bytes.subarray(offset, offset + 32))}`);

describe('P-256 on chain', () => {
  it('finds the precompile on Osaka and nothing at its address on Prague', async () => {
    const data: Hex = `0x${words(good)
      .map((word) => word.slice(2))
      .join('')}`;
    expect(await worldOf('osaka').chain.call({ to: PRECOMPILE, data })).toBe(`0x${'1'.padStart(64, '0')}`);
    expect(await worldOf('prague').chain.call({ to: PRECOMPILE, data })).toBe('0x');
  });

  it('accepts what our signers make', async () => {
    for (let index = 0; index < 8; index++) {
      const signer = testKey(`P-256 on chain ${index}`);
      const text = utf8(`message ${index}`);
      const statement: Statement = { point: signer.point, message: text, signature: sign(signer, text) };
      expect(await verdicts(statement)).toEqual([true, true, true]);
    }
  });

  it('refuses, as TypeScript does, high s, numbers out of range and whatever was not signed', async () => {
    const { signature, point } = good;
    const s = numberAt(signature, 32);
    const flipped = Uint8Array.from(signature);
    flipped[40] = (flipped[40] as number) ^ 1;
    const refused: readonly Statement[] = [
      { ...good, signature: withNumber(signature, 32, ORDER - s) },
      { ...good, signature: flipped },
      { ...good, message: utf8('something else') },
      { ...good, point: testKey('another').point },
      ...[0n, ORDER, 2n ** 256n - 1n].flatMap((value) => [
        { ...good, signature: withNumber(signature, 0, value) },
        { ...good, signature: withNumber(signature, 32, value) },
      ]),
      { ...good, point: withNumber(point, 33, numberAt(point, 33) ^ 1n) },
      { ...good, point: withNumber(withNumber(point, 1, 0n), 33, 0n) },
      { ...good, point: withNumber(point, 1, 2n ** 256n - 1n) },
    ];
    for (const statement of refused) {
      expect(await inTypeScript(statement)).toBe(false);
      expect(await verdicts(statement)).toEqual([false, false, false]);
    }
  });
});

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
  '../../../shared/vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json',
  import.meta.url,
);

describe.skipIf(!existsSync(wycheproof))(
  'Wycheproof P-256 on chain (skipped where ../shared/vectors is absent)',
  () => {
    it('gets one verdict from precompile, Solidity and TypeScript', { timeout: 3_600_000 }, async () => {
      const { testGroups } = JSON.parse(readFileSync(wycheproof, 'utf8')) as { testGroups: readonly Group[] };
      const wrong: string[] = [];
      const count = { onChain: 0, accepted: 0, highS: 0, otherLength: 0 };
      for (const { publicKey, tests } of testGroups) {
        for (const { tcId, msg, sig, result } of tests) {
          const statement = { point: fromHex(publicKey.uncompressed), message: fromHex(msg), signature: fromHex(sig) };
          const expected = await inTypeScript(statement);
          if (statement.signature.length !== 64) {
            // A contract takes two words: these cannot be said to it.
            count.otherLength += 1;
            if (expected) wrong.push(`${tcId}: TypeScript took another length`);
            continue;
          }
          const high = numberAt(statement.signature, 32) > ORDER / 2n;
          if (expected !== (result === 'valid' && !high)) wrong.push(`${tcId}: ${result}, ${expected} in TypeScript`);
          const answers = await verdicts(statement);
          if (answers.some((answer) => answer !== expected)) wrong.push(`${tcId}: ${answers.join()} for ${expected}`);
          count.onChain += 1;
          if (expected) count.accepted += 1;
          if (result === 'valid' && high) count.highS += 1;
        }
      }
      console.log(`Wycheproof P-256: ${JSON.stringify(count)}`);
      expect(wrong).toEqual([]);
      expect(count.onChain).toBeGreaterThan(200);
      expect(count.accepted).toBeGreaterThan(50);
      expect(count.highS).toBeGreaterThan(20);
    });
  },
);
