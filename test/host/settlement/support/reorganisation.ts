import type { Hex } from 'viem';
import type { RpcProxy } from '../../../support/rpc-proxy.ts';
import { eventually } from './settling.ts';
import type { PaidWorld } from './world.ts';

/** A chain, and the only way to it of everybody but the one who sets it back. */
export interface Reached {
  readonly world: Pick<PaidWorld, 'rpc'>;
  readonly proxy: Pick<RpcProxy, 'alone'>;
}

/**
 * Nodes change from one chain to another between two questions. This one does not: set back while it makes a block, it
 * counts blocks in simulated calls otherwise than in what it tells of them, with hashes of blocks that are gone, until
 * somebody makes another block.
 */
function atRest<T>({ world, proxy }: Reached, work: () => Promise<T>): Promise<T> {
  return proxy.alone(async () => {
    const isAtRest = async (): Promise<boolean> =>
      (await world.rpc<{ readonly pending: Hex }>('txpool_status')).pending === '0x0';
    await eventually('a chain that makes no block', isAtRest);
    return work();
  });
}

export function rememberChain(reached: Reached): Promise<Hex> {
  return atRest(reached, () => reached.world.rpc<Hex>('evm_snapshot'));
}

/** Everything since is gone; what this gives can be gone back to again. */
export function undoBlocks(reached: Reached, remembered: Hex): Promise<Hex> {
  return atRest(reached, async () => {
    await reached.world.rpc('evm_revert', [remembered]);
    return reached.world.rpc<Hex>('evm_snapshot');
  });
}

/** What a simulated call is told of blocks, beside what the node tells of them. */
export async function blocksInCalls({ rpc }: Pick<PaidWorld, 'rpc'>): Promise<{
  readonly number: { readonly told: number; readonly inCalls: number };
  readonly parent: { readonly told: Hex; readonly inCalls: Hex };
}> {
  const newest = await rpc<{ readonly number: Hex; readonly parentHash: Hex }>('eth_getBlockByNumber', [
    'latest',
    false,
  ]);
  // As if it created a contract: it gives back NUMBER, or BLOCKHASH of what is on the stack, behind a zero byte. Code that
  // begins with 0xef cannot be created (EIP-3541), and one hash of 256 does.
  const run = async (code: string): Promise<Hex> => {
    const created = await rpc<Hex>('eth_call', [{ data: `0x${code}60015260216000f3` }, 'latest']);
    return `0x${created.slice(4)}`;
  };
  const before = (Number(newest.number) - 1).toString(16).padStart(8, '0');
  return {
    number: { told: Number(newest.number), inCalls: Number(await run('43')) },
    parent: { told: newest.parentHash, inCalls: await run(`63${before}40`) },
  };
}
