import { createHash } from 'node:crypto';
import type { Address, Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { artifact } from '../../contracts/tools/artifacts.ts';

let chain: Chain;
let engine: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  engine = await chain.deploy(await artifact('Sha384Engine'));
});

afterAll(() => chain.stop());

/** Bytes that differ at every place, so that a block taken twice or a word out of order shows. */
function message(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 167 + (i >> 8) * 59 + 13) & 0xff));
}

function hex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

async function digestOnChain(data: Uint8Array): Promise<string> {
  return (await chain.call({ to: engine, data: hex(data) })).slice(2);
}

function digest(data: Uint8Array): string {
  return createHash('sha384').update(data).digest('hex');
}

describe('Sha384Engine', () => {
  it('agrees with OpenSSL at every length up to three blocks', async () => {
    const lengths = Array.from({ length: 301 }, (_, length) => length);
    const wrong: number[] = [];
    for (const length of lengths) {
      if ((await digestOnChain(message(length))) !== `${digest(message(length))}${'00'.repeat(16)}`) wrong.push(length);
    }
    expect(wrong).toEqual([]);
  });

  it.each([4_441, 65_519, 65_520, 60_000])('agrees with OpenSSL on %i bytes', async (length) => {
    expect((await digestOnChain(message(length))).slice(0, 96)).toBe(digest(message(length)));
  });

  it('carries through every bit of a word: all bits set, and one bit in each place', async () => {
    const block = Buffer.alloc(128, 0xff);
    expect((await digestOnChain(block)).slice(0, 96)).toBe(digest(block));
    for (let bit = 0; bit < 1024; bit += 7) {
      const single = Buffer.alloc(128);
      single[bit >> 3] = 0x80 >> (bit & 7);
      expect((await digestOnChain(single)).slice(0, 96)).toBe(digest(single));
    }
  });

  it('costs less than 22,000 gas a block of 128 bytes', async () => {
    const [short, long] = await Promise.all([gas(Buffer.alloc(128 * 9)), gas(Buffer.alloc(128 * 109))]);

    // Calldata of zeros costs 4 gas a byte, which is no work of the engine's.
    expect(Number(long - short) / 100 - 128 * 4).toBeLessThan(22_000);
  });
});

async function gas(data: Uint8Array): Promise<bigint> {
  const { status, gasUsed } = await chain.send({ to: engine, data: hex(data) });
  expect(status).toBe('success');
  return gasUsed;
}
