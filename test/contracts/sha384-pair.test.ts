import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, keccak256 } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';

let chain: Chain;
let harness: Artifact;
let engine: Address;
let at: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  engine = await chain.deploy(await artifact('Sha384PairEngine'));
  harness = await artifact('Sha384PairHarness');
  at = await chain.deploy(harness, [engine]);
});

afterAll(() => chain.stop());

const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
const expected = (bytes: Uint8Array): Hex => `0x${createHash('sha384').update(bytes).digest('hex')}`;

async function digests(left: Uint8Array, right: Uint8Array): Promise<unknown> {
  const data = encodeFunctionData({ abi: harness.abi, functionName: 'digests', args: [hex(left), hex(right)] });
  const answer = await chain.call({ to: at, data });
  return decodeFunctionResult({ abi: harness.abi, functionName: 'digests', data: answer });
}

describe('Sha384Pair', () => {
  it('gives both digests at every turn of padding, whichever message is longer', async () => {
    const lengths = [0, 1, 31, 52, 104, 111, 112, 127, 128, 239, 240, 241, 672, 900];
    for (const left of lengths) {
      for (const right of lengths) {
        const [one, two] = [randomBytes(left), randomBytes(right)];
        expect(await digests(one, two)).toEqual([expected(one), expected(two)]);
      }
    }
  });

  it('keeps lanes apart: words of all ones beside words of all zeros', async () => {
    for (const size of [64, 128, 500]) {
      const [ones, zeros] = [new Uint8Array(size).fill(0xff), new Uint8Array(size)];
      expect(await digests(ones, zeros)).toEqual([expected(ones), expected(zeros)]);
      expect(await digests(zeros, ones)).toEqual([expected(zeros), expected(ones)]);
      expect(await digests(ones, ones)).toEqual([expected(ones), expected(ones)]);
    }
  });

  it('on random messages', { timeout: 120_000 }, async () => {
    for (let i = 0; i < 100; i++) {
      const [one, two] = [randomBytes((i * 37) % 700), randomBytes((i * 53) % 700)];
      expect(await digests(one, two)).toEqual([expected(one), expected(two)]);
    }
  });

  it('reverts where there is no engine, and with too little gas', async () => {
    const nowhere = await chain.deploy(harness, [chain.accounts[0]]);
    const args = [hex(randomBytes(10)), hex(randomBytes(10))];
    const data = encodeFunctionData({ abi: harness.abi, functionName: 'digests', args });
    await expect(chain.call({ to: nowhere, data })).rejects.toThrow(/eth_call/);
    await expect(chain.call({ to: at, data, gas: 40_000n })).rejects.toThrow(/eth_call/);
  });

  it('is known by its code', async () => {
    const source = readFileSync(new URL('../../contracts/src/chain/KnownCode.sol', import.meta.url), 'utf8');
    const code = await chain.rpc<Hex>('eth_getCode', [engine, 'latest']);
    expect(/SHA384_PAIR_ENGINE = (0x[0-9a-f]{64});/.exec(source)?.[1]).toBe(keccak256(code));
  });
});
