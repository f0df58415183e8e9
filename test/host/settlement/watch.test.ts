import { beforeEach, describe, expect, it } from 'vitest';
import { RpcRefusal } from '../../../host/settlement/errors.ts';
import { createInFlight, type InFlight } from '../../../host/settlement/in-flight.ts';
import { createSender } from '../../../host/settlement/sender.ts';
import { createWatch } from '../../../host/settlement/watch.ts';

const HASH = `0x${'11'.repeat(32)}` as const;
const call = { to: `0x${'22'.repeat(20)}`, data: '0x01' } as const;
const intent = { what: 'claim', key: 'claim/x', version: '1' } as const;

let mined: number;
let estimates: (() => bigint)[];
let told: string[];
let onTold: () => void;
let time: number;
let table: InFlight;

beforeEach(() => {
  mined = 0;
  estimates = [() => 50_000n];
  told = [];
  onTold = () => undefined;
  time = 0;
  const state = { saved: { transactions: [], reading: null }, saveTransactions: () => undefined };
  table = createInFlight(state as never, () => time);
});

function send(): Promise<unknown> {
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
    mined: async () => undefined,
  } as never;
  const nothing = (): void => undefined;
  const watch = createWatch({
    ...{ table, transactions, now, maxFeePerGas: 1_000n, finalAfterBlocks: 8n, stuckMs: 2_000 },
    chain: { block: async () => ({ number: 5n, hash: HASH }) as never },
    events: { mined: nothing, vanished: nothing, replaced: (what) => told.push(what), capped: nothing },
  });
  return createSender({ table, watch, transactions, maxFeePerGas: 1_000n, waitMs: 1e9, now }).send(call, intent);
}

describe('a transaction', () => {
  it('whose number another one of the account has used is given up: transaction_superseded', async () => {
    onTold = () => {
      mined = 1;
    };
    await expect(send()).rejects.toMatchObject({ code: 'transaction_superseded' });
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
