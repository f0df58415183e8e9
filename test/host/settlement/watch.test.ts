import { beforeEach, describe, expect, it } from 'vitest';
import { RpcRefusal } from '../../../host/settlement/errors.ts';
import { createInFlight, type InFlight } from '../../../host/settlement/in-flight.ts';
import { createSender } from '../../../host/settlement/sender.ts';
import type { Mined } from '../../../host/settlement/transactions.ts';
import { createWatch, type Watch } from '../../../host/settlement/watch.ts';

const HASH = `0x${'11'.repeat(32)}` as const;
const call = { to: `0x${'22'.repeat(20)}`, data: '0x01' } as const;
const intent = { what: 'claim', key: 'claim/x', version: '1' } as const;

let mined: number;
/** What the node has for the hash, and the newest block that it knows. */
let receipt: Mined | undefined;
let newest: bigint;
let estimates: (() => bigint)[];
let told: string[];
let reverted: unknown[];
let onTold: () => void;
let time: number;
let table: InFlight;

beforeEach(() => {
  mined = 0;
  receipt = undefined;
  newest = 5n;
  estimates = [() => 50_000n];
  told = [];
  reverted = [];
  onTold = () => undefined;
  time = 0;
  const state = { saved: { transactions: [], reading: null }, saveTransactions: () => undefined };
  table = createInFlight(state as never, () => time);
});

function create(): { readonly watch: Watch; send(): Promise<unknown> } {
  // Each look at the clock is half a second later, so that nothing here waits for long.
  const now = (): number => {
    time += 500;
    return time;
  };
  const transactions = {
    operator: `0x${'33'.repeat(20)}`,
    count: async () => mined,
    estimate: async () => ((estimates.length > 1 ? estimates.shift() : estimates[0]) as () => bigint)(),
    market: async () => ({ baseFee: 1n, tip: 1n }),
    prepare: async ({ data }: { readonly data: string }) => ({
      hash: HASH,
      send: async () => {
        told.push(data);
        onTold();
        return HASH;
      },
    }),
    mined: async () => receipt,
  } as never;
  const nothing = (): void => undefined;
  const watch = createWatch({
    ...{ table, transactions, now, maxFeePerGas: 1_000n, finalAfterBlocks: 8n, stuckMs: 2_000 },
    chain: { block: async () => ({ number: newest, hash: `0x${newest}` }) as never },
    events: {
      mined: nothing,
      reverted: (...said) => reverted.push(said),
      vanished: nothing,
      replaced: (what) => told.push(what),
      capped: nothing,
    },
  });
  const sender = createSender({
    ...{ table, watch, transactions, maxFeePerGas: 1_000n, waitMs: 1e9, now },
    onRefused: nothing,
  });
  return { watch, send: () => sender.send(call, intent) };
}

const send = (): Promise<unknown> => create().send();

describe('a transaction', () => {
  it('whose number another one of the account has used is given up: transaction_superseded', async () => {
    onTold = () => {
      mined = 1;
    };
    await expect(send()).rejects.toMatchObject({ code: 'transaction_superseded' });
    expect(table.ordered()).toEqual([]);
  });

  it('that is mined and does nothing is told, with its block: transaction_reverted', async () => {
    onTold = () => {
      [mined, receipt] = [1, { hash: HASH, blockHash: HASH, blockNumber: 7n, succeeded: false, gasUsed: 1n }];
    };
    await expect(send()).rejects.toMatchObject({ code: 'transaction_reverted' });
    expect(reverted).toEqual([['claim', HASH, 7n]]);
    expect(table.ordered()).toEqual([]);
  });

  it('that makes no sense any more gives its number to nothing: transaction_superseded', async () => {
    estimates.push(() => {
      throw new RpcRefusal(3, 'execution reverted');
    });
    await expect(send()).rejects.toMatchObject({ code: 'transaction_superseded' });
    expect(table.ordered()).toMatchObject([{ what: 'fill', nonce: 0, data: '0x' }]);
    const after = told.slice(told.indexOf('fill') + 1);
    expect(new Set(after)).toEqual(new Set(['0x']));
    expect(told[0]).toBe('0x01');
  });
});

describe('a transaction that was mined, on a chain that makes no block unless it is sent something', () => {
  const inBlock = (blockNumber: bigint): Mined => ({
    ...{ hash: HASH, blockHash: HASH, blockNumber, succeeded: true, gasUsed: 1n },
  });

  it('is forgotten where a node has no receipt for it for seconds', async () => {
    const { watch, send } = create();
    onTold = () => {
      [mined, receipt] = [1, inBlock(5n)];
    };
    await send();
    newest = 6n;
    receipt = undefined;
    for (let looks = 0; looks < 10; looks++) await watch.look();
    expect(table.ordered()).toEqual([]);
  });

  it('is seen in the block to which a reorganisation moved it, though the chain is shorter now', async () => {
    const { watch, send } = create();
    onTold = () => {
      [mined, receipt] = [1, inBlock(7n)];
    };
    newest = 7n;
    await send();
    newest = 6n;
    // The node knows the block and not yet what is in it.
    await watch.look();
    expect(table.minedBlock).toBe(7n);
    receipt = inBlock(6n);
    await watch.look();
    expect(table.minedBlock).toBe(6n);
  });
});
