import type { Hex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { type RpcProxy, startRpcProxy } from '../../support/rpc-proxy.ts';
import { blocksInCalls, rememberChain, undoBlocks } from './support/reorganisation.ts';

/** Whether this node's reorganisations are ones that a real chain has. */
let world: Chain;
let proxy: RpcProxy;

beforeEach(async () => {
  world = await startChain({ hardfork: 'osaka' });
  proxy = await startRpcProxy(world.url);
});
afterEach(async () => {
  await proxy.close();
  await world.stop();
});

async function ask(method: string, params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(proxy.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return ((await response.json()) as { readonly result?: unknown }).result;
}

const transfer = (account: number): Promise<unknown> =>
  ask('eth_sendTransaction', [
    { from: world.accounts[account], to: world.accounts[9], gas: '0x5208', gasPrice: '0x0' },
  ]);

const ROUNDS = 40;

describe('a reorganisation', () => {
  it('leaves a chain of which calls are told what it tells itself, whatever is sent meanwhile', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const snapshot = await rememberChain({ world, proxy });
      await transfer(1);
      const sent = [1, 2].map(transfer);
      const undone = undoBlocks({ world, proxy }, snapshot);
      await Promise.all([...sent, undone, ...[3, 4].map(transfer)]);
      await rememberChain({ world, proxy });
      const { number, parent } = await blocksInCalls(world);
      expect([round, number.inCalls, parent.inCalls]).toEqual([round, number.told, parent.told]);
    }
  }, 120_000);

  it('lets nobody see a chain that is half undone', async () => {
    const snapshot = await rememberChain({ world, proxy });
    const before = await world.rpc<Hex>('eth_blockNumber');
    await transfer(1);
    const seen: unknown[] = [];
    let asked: Promise<unknown> | undefined;
    await proxy.alone(async () => {
      asked = ask('eth_blockNumber', []).then((number) => seen.push(number));
      await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 300))]);
      expect(seen).toEqual([]);
      await world.rpc('evm_revert', [snapshot]);
    });
    await asked;
    expect(seen).toEqual([before]);
  });
});
