import type { Hex } from 'viem';
import { type RpcDeed, startRpcProxy } from '../../../support/rpc-proxy.ts';
import { eventually, type Settling, startSettling, temporaryFolder } from './settling.ts';
import { books, openEscrow, type PaidWorld, PRICE, paidLog } from './world.ts';

/** What came of one schedule, against what was owed. */
export interface ScheduleOutcome {
  readonly claimed: bigint;
  readonly owed: bigint;
  readonly credit: bigint;
  readonly fulfilled: readonly Hex[];
  readonly escrows: readonly Hex[];
  /** Codes of failures that nobody has named. */
  readonly unknownCodes: readonly string[];
}

const deeds: readonly RpcDeed[] = [
  ...(['cut', 'lose-answer', 'garbage', 'html', 'throttle', 'wrong-chain', 'stale', 'other-events'] as const),
  ...(['no-events', 'twice', 'late', 'takes-and-forgets', 'lose-answer', 'stall'] as const),
];

/** The same numbers from the same seed, on every machine (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Work, restarts and reorganisations in a random order, behind a node that fails at random; then it is left in peace. */
export async function runSchedule(world: PaidWorld, seed: number, steps: number): Promise<ScheduleOutcome> {
  const random = randomFrom(seed);
  const proxy = await startRpcProxy(world.chain.url);
  const folder = temporaryFolder();
  const paid = await paidLog(world);
  const channels = [await paid.openChannel(1_000n), await paid.openChannel(1_000n)];
  const fromBlock = BigInt(await world.rpc<Hex>('eth_blockNumber'));
  const before = await books(world, fromBlock);
  const codes = new Set<string>();
  const did: string[] = [];
  let escrows: Hex[] = [];
  let atSnapshot: Hex[] = [];
  let snapshot = await world.rpc<Hex>('evm_snapshot');
  let settling: Settling | undefined;

  const start = async (): Promise<void> => {
    // A host that finds no chain does not start; its supervisor tries again.
    for (;;) {
      try {
        settling = await startSettling(world, paid, {
          directory: folder.path,
          settlement: world.options([proxy.url], { fromBlock }),
          callMs: 100,
          waitMs: 300,
        });
        return;
      } catch {
        did.push('did not start');
      }
    }
  };
  const stop = async (): Promise<void> => {
    for (const event of settling?.events ?? []) {
      if (event.event === 'settlement_failed') codes.add(event.code);
    }
    await settling?.stop();
    settling = undefined;
  };
  const isPaid = async (): Promise<boolean> => {
    const now = await books(world, fromBlock);
    return now.claimed - before.claimed === paid.owed && now.credit - before.credit === PRICE * BigInt(escrows.length);
  };

  proxy.decide = () => (random(100) < 12 ? (deeds[random(deeds.length)] as RpcDeed) : 'answer');
  try {
    await start();
    for (let step = 0; step < steps; step++) {
      const kind = random(10);
      if (kind < 4) {
        paid.charge(channels[random(2)] as (typeof channels)[number], BigInt(1 + random(9)));
        await settling?.catchUp();
        did.push('charge');
      } else if (kind < 7) {
        escrows = [...escrows, await openEscrow(world)];
        did.push('ask');
      } else if (kind < 8) {
        await stop();
        await start();
        did.push('restart');
      } else if (kind < 9) {
        await world.rpc('evm_revert', [snapshot]);
        escrows = atSnapshot;
        snapshot = await world.rpc<Hex>('evm_snapshot');
        did.push('reorganise');
      } else {
        atSnapshot = escrows;
        snapshot = await world.rpc<Hex>('evm_snapshot');
        did.push('remember');
      }
      await new Promise((resolve) => setTimeout(resolve, random(120)));
    }
    proxy.decide = () => 'answer';
    await eventually(`what is owed is paid (seed ${seed}: ${did.join(', ')})`, isPaid);
    await eventually('calm', async () => settling?.payments.settler.figures.pendingTransactions === 0);
    await new Promise((resolve) => setTimeout(resolve, 60));
  } finally {
    await stop();
    await proxy.close();
    folder.remove();
  }
  const now = await books(world, fromBlock);
  return {
    claimed: now.claimed - before.claimed,
    owed: paid.owed,
    credit: now.credit - before.credit,
    fulfilled: now.fulfilled,
    escrows,
    unknownCodes: [...codes].filter((code) => code === 'internal'),
  };
}
