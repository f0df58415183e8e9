import type { Hex } from 'viem';
import { type RpcDeed, startRpcProxy } from '../../../support/rpc-proxy.ts';
import { rememberChain, undoBlocks } from './reorganisation.ts';
import { eventually, type Settling, startSettling, temporaryFolder } from './settling.ts';
import { type Timeline, timeline } from './timeline.ts';
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
  /** From when the node was good again until everything was paid, and until nothing was on its way. */
  readonly paidMs: number;
  readonly calmMs: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly steps: number;
}

const deeds: readonly RpcDeed[] = [
  ...(['cut', 'lose-answer', 'garbage', 'html', 'throttle', 'wrong-chain', 'stale', 'other-events'] as const),
  ...(['no-events', 'twice', 'late', 'takes-and-forgets', 'lose-answer', 'hang'] as const),
];
/** Of a hundred questions, so many get no honest answer. */
const DEEDS_PERCENT = 12;
/** An honest answer may take as long on a busy machine: one that is late looks like a fault, and the node is left alone. */
const CALL_MS = 2_000;
/** A settler that is calm takes a second of a quiet machine for everything that a schedule owes. */
export const PATIENCE_MS = 60_000;

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

/**
 * What is done with the nth question of each method is the seed's alone, and so are the steps: how many questions there
 * are is a matter of timing, and must not change what comes after them.
 */
function deedsFrom(seed: number): (method: string) => RpcDeed {
  const streams = new Map<string, (below: number) => number>();
  return (method) => {
    const letters = [...method].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7);
    const random = streams.get(method) ?? randomFrom(Math.imul(seed + 1, 0x9e3779b1) ^ letters);
    streams.set(method, random);
    return random(100) < DEEDS_PERCENT ? (deeds[random(deeds.length)] as RpcDeed) : 'answer';
  };
}

/** Work, restarts and reorganisations in a random order, behind a node that fails at random; then it is left in peace. */
export async function runSchedule(world: PaidWorld, { seed, steps }: ScheduleOptions): Promise<ScheduleOutcome> {
  const random = randomFrom(seed);
  const proxy = await startRpcProxy(world.chain.url);
  const folder = temporaryFolder();
  const paid = await paidLog(world);
  const channels = [await paid.openChannel(1_000n), await paid.openChannel(1_000n)];
  const fromBlock = BigInt(await world.rpc<Hex>('eth_blockNumber'));
  const before = await books(world, fromBlock);
  const told: Timeline = timeline();
  let escrows: Hex[] = [];
  let atSnapshot: Hex[] = [];
  let snapshot = await rememberChain({ world, proxy });
  let settling: Settling | undefined;

  const start = async (): Promise<void> => {
    // A host that finds no chain does not start; its supervisor tries again.
    for (;;) {
      try {
        settling = await startSettling(world, paid, {
          directory: folder.path,
          settlement: world.options([proxy.url], { fromBlock }),
          callMs: CALL_MS,
          waitMs: 300,
          onEvent: told.event,
        });
        return;
      } catch {
        told.step('did not start');
      }
    }
  };
  const stop = async (): Promise<void> => {
    await settling?.stop();
    settling = undefined;
  };
  const isPaid = async (): Promise<boolean> => {
    const now = await books(world, fromBlock);
    return now.claimed - before.claimed === paid.owed && now.credit - before.credit === PRICE * BigInt(escrows.length);
  };

  const deedOf = deedsFrom(seed);
  proxy.decide = (method) => {
    const deed = deedOf(method);
    if (deed !== 'answer') told.deed(method, deed);
    return deed;
  };
  let paidMs = 0;
  let calmMs = 0;
  try {
    await start();
    for (let step = 0; step < steps; step++) {
      // Drawn before anything is awaited, all of them each time: a step takes as many numbers, whatever it is.
      const [kind, channel, fee, rest] = [random(10), random(2), 1 + random(9), random(120)];
      if (kind < 4) {
        paid.charge(channels[channel] as (typeof channels)[number], BigInt(fee));
        await settling?.catchUp();
        told.step('charge');
      } else if (kind < 7) {
        escrows = [...escrows, await openEscrow(world)];
        told.step('ask');
      } else if (kind < 8) {
        await stop();
        await start();
        told.step('restart');
      } else if (kind < 9) {
        snapshot = await undoBlocks({ world, proxy }, snapshot);
        escrows = atSnapshot;
        told.step('reorganise');
      } else {
        atSnapshot = escrows;
        snapshot = await rememberChain({ world, proxy });
        told.step('remember');
      }
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
    proxy.decide = () => 'answer';
    told.step('peace');
    const peace = performance.now();
    await eventually('what is owed is paid', isPaid, PATIENCE_MS);
    paidMs = performance.now() - peace;
    const isCalm = async (): Promise<boolean> => settling?.payments.settler.figures.pendingTransactions === 0;
    await eventually('calm', isCalm, PATIENCE_MS);
    calmMs = performance.now() - peace;
    await new Promise((resolve) => setTimeout(resolve, 60));
  } catch (cause) {
    const state = await told.report({ world, directory: folder.path, escrows, owed: paid.owed, fromBlock });
    throw new Error(`schedule of seed ${seed}, ${steps} steps: ${String(cause)}\n${state}`, { cause });
  } finally {
    await stop();
    await proxy.close();
    folder.remove();
  }
  const now = await books(world, fromBlock);
  return {
    ...{ paidMs, calmMs },
    claimed: now.claimed - before.claimed,
    owed: paid.owed,
    credit: now.credit - before.credit,
    fulfilled: now.fulfilled,
    escrows,
    unknownCodes: told.codes().filter((code) => code === 'internal'),
  };
}
