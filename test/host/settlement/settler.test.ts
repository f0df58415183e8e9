import { join } from 'node:path';
import { decodeFunctionData, type Hex } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keptAnswer } from '../../../host/settlement/state.ts';
import { bytesOf, hex } from '../../contracts/support/settlement.ts';
import { type RpcProxy, startRpcProxy } from '../../support/rpc-proxy.ts';
import { rememberChain, undoBlocks } from './support/reorganisation.ts';
import { eventually, type Settling, startSettling, temporaryFolder } from './support/settling.ts';
import {
  type Books,
  books,
  openEscrow,
  type PaidLog,
  type PaidWorld,
  PRICE,
  paidLog,
  paidWorld,
} from './support/world.ts';

let world: PaidWorld;
let proxy: RpcProxy;
let paid: PaidLog;
let before: Books;
let fromBlock: bigint;
let folder: ReturnType<typeof temporaryFolder>;
let settling: Settling | undefined;

beforeAll(async () => {
  world = await paidWorld();
}, 120_000);
afterAll(() => world.stop());

beforeEach(async () => {
  proxy = await startRpcProxy(world.chain.url);
  paid = await paidLog(world);
  folder = temporaryFolder();
  fromBlock = BigInt(await world.rpc<Hex>('eth_blockNumber'));
  before = await books(world, fromBlock);
});
afterEach(async () => {
  await settling?.stop();
  settling = undefined;
  await world.rpc('evm_setAutomine', [true]);
  await proxy.close();
  folder.remove();
});

async function start(
  changes: Parameters<PaidWorld['options']>[1] = {},
  urls: readonly string[] = [proxy.url],
): Promise<Settling> {
  settling = await startSettling(world, paid, {
    directory: folder.path,
    settlement: world.options(urls, { fromBlock, ...changes }),
  });
  return settling;
}

async function gains(): Promise<Books> {
  const now = await books(world, fromBlock);
  return { ...now, claimed: now.claimed - before.claimed, credit: now.credit - before.credit };
}

const count = (what: string): number => proxy.asked.filter((method) => method === what).length;
const sent = (what: string): number =>
  (settling?.events ?? []).filter((event) => event.event === 'transaction' && event.what === what).length;

describe('a settler', () => {
  it('registers, posts a head, claims and fulfils, and then sends nothing more', async () => {
    const channel = await paid.openChannel(100n);
    paid.charge(channel, 7n);
    const id = await openEscrow(world);
    await start();
    await eventually('the claim', async () => (await gains()).claimed === 7n);
    await eventually('the answer', async () => (await gains()).credit === PRICE);
    const after = count('eth_sendRawTransaction');
    await eventually('calm', async () => settling?.payments.settler.figures.pendingTransactions === 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(count('eth_sendRawTransaction')).toBe(after);
    expect((await gains()).fulfilled).toEqual([id]);
    expect(['register', 'postHead', 'claim', 'fulfil'].map(sent)).toEqual([1, 1, 1, 1]);
    expect(settling?.payments.settler.figures).toMatchObject({ unclaimedAmount: 0, pendingTransactions: 0 });
    expect(paid.worked.get(id)).toBe(1);
    // As its registry was deployed: a day's lifetime and a minute's skew, then a day for heads, and two for clocks and looks.
    expect(await settling?.payments.claimableMs()).toBe(1_000 * (86_400 + 60 + 3 * 86_400));
  });

  it('sends again what a reorganisation took away, and answers with the same receipt', async () => {
    const channel = await paid.openChannel(100n);
    paid.charge(channel, 7n);
    const id = await openEscrow(world);
    const snapshot = await rememberChain({ world, proxy });
    await start();
    await eventually('payment', async () => (await gains()).claimed === 7n && (await gains()).credit === PRICE);
    const [first] = await receiptsOf(id);
    await undoBlocks({ world, proxy }, snapshot);
    expect(await gains()).toEqual({ claimed: 0n, credit: 0n, fulfilled: [] });
    await eventually('payment again', async () => (await gains()).claimed === 7n && (await gains()).credit === PRICE);
    expect((await gains()).fulfilled).toEqual([id]);
    expect(await receiptsOf(id)).toEqual([first]);
    expect(paid.worked.get(id)).toBe(1);
    expect(settling?.events.some(({ event }) => event === 'transaction_vanished')).toBe(true);
  });

  it('is paid once for a request whose block is replaced, and that is asked again under another id', async () => {
    await start();
    await eventually('the registration', async () => sent('register') === 1);
    const snapshot = await rememberChain({ world, proxy });
    const orphan = await openEscrow(world);
    await eventually('its answer', async () => (await gains()).fulfilled.includes(orphan));
    await undoBlocks({ world, proxy }, snapshot);
    await world.rpc('anvil_mine', ['0x2']);
    const id = await openEscrow(world);
    expect(id).not.toBe(orphan);
    await eventually('the answer', async () => (await gains()).fulfilled.includes(id));
    await calm();
    expect(await gains()).toMatchObject({ credit: PRICE, fulfilled: [id] });
  });

  it('answers what is asked under an id after its block was replaced, and not what was', async () => {
    await start();
    await eventually('the registration', async () => sent('register') === 1);
    await calm();
    const snapshot = await rememberChain({ world, proxy });
    const { timestamp } = await world.rpc<{ readonly timestamp: Hex }>('eth_getBlockByNumber', ['latest', false]);
    // Blocks of the same content and time have the same hash, from which ids are made; the input is another one.
    const askInSameBlock = async (): Promise<Hex> => {
      await world.rpc('evm_setNextBlockTimestamp', [`0x${(BigInt(timestamp) + 30n).toString(16)}`]);
      return openEscrow(world);
    };
    const id = await askInSameBlock();
    await eventually('its answer', async () => (await gains()).fulfilled.includes(id));
    await undoBlocks({ world, proxy }, snapshot);
    expect(await askInSameBlock()).toBe(id);
    await eventually('the answer to the other', async () => (await gains()).fulfilled.includes(id));
    expect(await gains()).toMatchObject({ credit: PRICE, fulfilled: [id] });
    expect(paid.worked.get(id)).toBe(2);
  });

  it('settles what it gave up while it was not registered, as soon as it is', async () => {
    const id = await openEscrow(world);
    // Nothing is mined: the chain knows no log, and refuses every answer.
    await world.rpc('evm_setAutomine', [false]);
    const { events } = await start();
    await eventually('giving up', async () =>
      events.some((event) => event.event === 'escrow_skipped' && event.why === 'given_up'),
    );
    const block = String(BigInt(await world.rpc<Hex>('eth_blockNumber')));
    expect(events).toContainEqual({ event: 'contract_refused', call: 'fulfil', reason: 'LogNotLive', block });
    await world.rpc('evm_setAutomine', [true]);
    await world.rpc('anvil_mine', ['0x1']);
    await eventually('the answer', async () => (await gains()).fulfilled.includes(id));
    expect(paid.worked.get(id)).toBe(1);
  });

  it('answers what others settle once, and keeps the answer for them', async () => {
    const { policies, resultVerifiers } = await world.options([]).serves();
    const others = resultVerifiers.map((known) => ({ ...known, settled: 'by-others' as const }));
    const id = await openEscrow(world);
    await start({ serves: async () => ({ policies, resultVerifiers: others }) });
    const told = (): number =>
      (settling?.events ?? []).filter((event) => event.event === 'escrow_skipped' && event.why === 'settled_by_others')
        .length;
    await eventually('the word that it is answered', async () => told() === 1);
    await eventually('the registration', async () => sent('register') === 1);
    await calm();
    const kept = keptAnswer(join(folder.path, 'settlement'), bytesOf(id));
    expect(kept?.log).toEqual(paid.log.log);
    expect([paid.worked.get(id), told(), sent('fulfil')]).toEqual([1, 1, 0]);
    expect(keptAnswer(join(folder.path, 'settlement'), new Uint8Array(32))).toBeUndefined();
    // Where this host is told to settle after all, it does with what it has.
    await settling?.stop();
    await start();
    await eventually('the settlement', async () => (await gains()).fulfilled.includes(id));
    expect((await receiptsOf(id))[0]).toContain(hex(kept?.output ?? new Uint8Array(0)));
    expect(paid.worked.get(id)).toBe(1);
  });

  it('goes on where another process stopped, and does nothing twice', async () => {
    const channel = await paid.openChannel(100n);
    paid.charge(channel, 7n);
    const id = await openEscrow(world);
    await start();
    await eventually('payment', async () => (await gains()).claimed === 7n && (await gains()).credit === PRICE);
    await settling?.stop();
    const after = count('eth_sendRawTransaction');
    await start();
    paid.charge(channel, 2n);
    await settling?.catchUp();
    await eventually('the next claim', async () => (await gains()).claimed === 9n);
    await calm();
    // A head and a claim.
    expect(count('eth_sendRawTransaction')).toBe(after + 2);
    expect([(await gains()).fulfilled, paid.worked.get(id)]).toEqual([[id], 1]);
  });

  it('claims for logs whose workers are gone', async () => {
    const channel = await paid.openChannel(100n);
    paid.charge(channel, 7n);
    await start({ claimAbove: 100n });
    await eventually('the registration', async () => sent('register') === 1);
    await eventually('a look', async () => settling?.payments.settler.figures.unclaimedAmount === 7);
    expect((await gains()).claimed).toBe(0n);
    await settling?.stop();
    paid = await paidLog(world);
    await start({ claimAbove: 100n });
    await eventually('the claim', async () => (await gains()).claimed === 7n);
  });
});

async function receiptsOf(id: Hex): Promise<readonly string[]> {
  const { settlement } = world;
  const filter = { address: settlement.address, fromBlock: `0x${fromBlock.toString(16)}`, toBlock: 'latest' };
  const logs = await world.rpc<{ transactionHash: Hex; topics: Hex[] }[]>('eth_getLogs', [filter]);
  const inputs = await Promise.all(
    logs
      .filter(({ topics }) => topics[1] === id)
      .map(({ transactionHash }) => world.rpc<{ input: Hex }>('eth_getTransactionByHash', [transactionHash])),
  );
  return inputs
    .map(({ input }) => decodeFunctionData({ abi: settlement.abi, data: input }))
    .filter(({ functionName }) => functionName === 'fulfil')
    .map(({ args }) => {
      const [, output, { receipt }] = args as readonly [Hex, Hex, { readonly receipt: object }];
      return JSON.stringify([output, receipt], (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
    });
}

/** Nothing is on its way, and a few rounds pass. */
async function calm(): Promise<void> {
  await eventually('calm', async () => settling?.payments.settler.figures.pendingTransactions === 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
}
