import type { Hex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RpcProxy, startRpcProxy } from '../../support/rpc-proxy.ts';
import { eventually, type Settling, startSettling, temporaryFolder } from './support/settling.ts';
import { books, MNEMONIC, type PaidLog, type PaidWorld, paidLog, paidWorld } from './support/world.ts';

/** How transactions get their numbers and fees, on a chain whose blocks these tests make. */
let world: PaidWorld;
let proxy: RpcProxy;
let paid: PaidLog;
let folder: ReturnType<typeof temporaryFolder>;
let settling: Settling | undefined;
let fromBlock: bigint;
let before: bigint;

beforeAll(async () => {
  world = await paidWorld();
}, 120_000);
afterAll(() => world.stop());

beforeEach(async () => {
  proxy = await startRpcProxy(world.chain.url);
  paid = await paidLog(world);
  folder = temporaryFolder();
  const channel = await paid.openChannel(100n);
  paid.charge(channel, 7n);
  fromBlock = BigInt(await world.rpc<Hex>('eth_blockNumber'));
  before = (await books(world, fromBlock)).claimed;
});
afterEach(async () => {
  await settling?.stop();
  settling = undefined;
  await world.rpc('evm_setAutomine', [true]);
  await world.rpc('anvil_setNextBlockBaseFeePerGas', ['0x0']);
  await world.rpc('anvil_mine', ['0x1']);
  await proxy.close();
  folder.remove();
});

async function start(changes: Parameters<PaidWorld['options']>[1] = {}): Promise<void> {
  settling = await startSettling(world, paid, {
    directory: folder.path,
    settlement: world.options([proxy.url], { fromBlock, ...changes }),
    waitMs: 300,
  });
}

const gained = async (): Promise<bigint> => (await books(world, fromBlock)).claimed - before;
const events = (name: string): number => (settling?.events ?? []).filter(({ event }) => event === name).length;
const mine = async (): Promise<unknown> => world.rpc('anvil_mine', ['0x1']);
const operatorCount = async (): Promise<number> =>
  Number(await world.rpc<Hex>('eth_getTransactionCount', [world.accounts.operator, 'latest']));

async function paidWhileMining(): Promise<void> {
  await eventually('the claim', async () => {
    await mine();
    return (await gained()) === 7n;
  });
}

/** The operator's own transaction, from elsewhere. */
async function foreign(nonce: number, fee: bigint): Promise<Hex> {
  const account = mnemonicToAccount(MNEMONIC, { addressIndex: 2 });
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: Number(world.chainId),
    nonce,
    to: account.address,
    gas: 21_000n,
    maxFeePerGas: fee,
    maxPriorityFeePerGas: fee,
  });
  return world.rpc<Hex>('eth_sendRawTransaction', [raw]);
}

describe('a transaction', () => {
  it('that is not mined is replaced by one with a higher fee, and never by more than one', async () => {
    await world.rpc('evm_setAutomine', [false]);
    await start();
    await eventually('a replacement', async () => events('transaction_replaced') >= 2);
    const count = await operatorCount();
    await mine();
    expect(await operatorCount()).toBe(count + 1);
    await paidWhileMining();
  });

  it('offers no more than the operator allows, and is mined when that is enough', async () => {
    await world.rpc('evm_setAutomine', [false]);
    await start({ maxFeePerGas: 2_000_000_000n });
    await eventually('the cap', async () => events('transaction_capped') === 1);
    const hashes = await world.rpc<{ pending: Record<string, Record<string, { maxFeePerGas: Hex }>> }>(
      'txpool_content',
    );
    const fees = Object.values(hashes.pending).flatMap((of) =>
      Object.values(of).map((one) => BigInt(one.maxFeePerGas)),
    );
    expect(fees.length).toBeGreaterThan(0);
    for (const fee of fees) expect(fee).toBeLessThanOrEqual(2_000_000_000n);
    await paidWhileMining();
  });

  it('is not sent at a base fee above that: fee_above_cap', async () => {
    await world.rpc('anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00']);
    await mine();
    await start({ maxFeePerGas: 1_000n });
    await eventually('the refusal', async () =>
      (settling?.events ?? []).some((event) => event.event === 'settlement_failed' && event.code === 'fee_above_cap'),
    );
    expect(proxy.asked).not.toContain('eth_sendRawTransaction');
  });

  it('whose answer is lost is found, and not sent as another', async () => {
    const count = await operatorCount();
    let lost = 0;
    proxy.decide = (method) => {
      if (method !== 'eth_sendRawTransaction' || lost >= 3) return 'answer';
      lost += 1;
      return 'lose-answer';
    };
    await start();
    await eventually('the claim', async () => (await gained()) === 7n);
    // A registration, a head and a claim.
    expect(await operatorCount()).toBe(count + 3);
  });

  it('gets another number where somebody else uses the key', async () => {
    await world.rpc('evm_setAutomine', [false]);
    const count = await operatorCount();
    // This node does not tell what waits.
    proxy.rewrite = (method, result) => (method === 'eth_getTransactionCount' ? `0x${count.toString(16)}` : result);
    await foreign(count, 10n ** 11n);
    await start();
    await eventually(
      'one behind it',
      async () => proxy.asked.filter((one) => one === 'eth_sendRawTransaction').length > 1,
    );
    proxy.rewrite = (_, result) => result;
    await paidWhileMining();
  });

  it('gets over a number that nobody uses any more', async () => {
    await world.rpc('evm_setAutomine', [false]);
    const count = await operatorCount();
    const hash = await foreign(count, 10n ** 10n);
    await start();
    await eventually('one behind it', async () => proxy.asked.includes('eth_sendRawTransaction'));
    await world.rpc('anvil_dropTransaction', [hash]);
    await paidWhileMining();
    expect(await operatorCount()).toBeGreaterThan(count + 3);
  });

  it('is looked after by the next process', async () => {
    await world.rpc('evm_setAutomine', [false]);
    const count = await operatorCount();
    await start({ stuckSeconds: 60 });
    await eventually('a transaction', async () => settling?.payments.settler.figures.pendingTransactions === 1);
    await settling?.stop();
    await start({ stuckSeconds: 60 });
    await eventually('the claim', async () => {
      await mine();
      return (await gained()) === 7n;
    });
    expect(await operatorCount()).toBe(count + 3);
  });

  it('is not sent from an account that cannot pay for it: coin_missing', async () => {
    const balance = await world.rpc<Hex>('eth_getBalance', [world.accounts.operator, 'latest']);
    await world.rpc('anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00']);
    await mine();
    await world.rpc('anvil_setBalance', [world.accounts.operator, '0x1']);
    await start();
    await eventually('the refusal', async () =>
      (settling?.events ?? []).some((event) => event.event === 'settlement_failed' && /coin_missing/.test(event.code)),
    );
    await world.rpc('anvil_setBalance', [world.accounts.operator, balance]);
    await eventually('the claim', async () => (await gained()) === 7n);
  });
});
