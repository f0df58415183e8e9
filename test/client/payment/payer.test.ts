import { describe, expect, it } from 'vitest';
import { ClientError, memoryStore, type PaymentOptions, type PaymentStore, type Tab } from '../../../client/index.ts';
import type { ReceiptDraft } from '../../../enclave/worker/log.ts';
import { signP256 } from '../../../wire/crypto/node-sign.ts';
import { decodeAccountState, encodeAccountState } from '../../../wire/message/channel.ts';
import { chain, createChannel, type TestChannel } from '../../support/payment.ts';
import { CHARGED, createWorld, refusalOf, type World } from '../world.ts';

const PRICE = 5n;

interface Paying {
  readonly world: World;
  readonly channel: TestChannel;
  readonly store: PaymentStore;
  readonly payment: PaymentOptions;
  tab(): Promise<Tab>;
}

async function paying(changes: Partial<PaymentOptions> = {}, channel: TestChannel = createChannel()): Promise<Paying> {
  const world = await createWorld({ ...chain, limits: { channels: 4 } });
  const store = memoryStore();
  const payment: PaymentOptions = {
    channel: channel.fields,
    sign: (message) => signP256(channel.key, message),
    store,
    maxOutstanding: 100n,
    maxSpend: 'any',
    maxUnitPrice: PRICE,
    ...changes,
  };
  return { world, channel, store, payment, tab: async () => (await store.load()).at(-1) as Tab };
}

describe('a payer', () => {
  it('opens its channel once a session, signs what each call needs, and counts what was charged', async () => {
    const { world, payment, channel, tab } = await paying();
    const client = world.client({}, { payment });
    for (const owed of [PRICE, 2n * PRICE, 3n * PRICE]) {
      const { receipt } = await client.infer(world.call);
      expect(receipt).toMatchObject({ fee: PRICE, cumulativeFee: owed });
      expect(await tab()).toMatchObject({ voucher: owed, verified: owed, unknown: 0n, top: owed, gaps: [] });
    }
    expect(world.headers.every((header) => Buffer.from(header.channel).equals(channel.id))).toBe(true);
    // One channel record, then a voucher and a request for each call.
    expect(world.calls.filter((call) => call === CHARGED)).toHaveLength(1 + 3 * 2);
  });

  it('that lets vouchers run ahead saves the round trips, and no more than its limit is signed', async () => {
    const { world, payment, tab } = await paying({ ahead: 1_000n, maxOutstanding: 12n });
    const client = world.client({}, { payment });
    await client.infer(world.call);
    expect((await tab()).voucher).toBe(12n);
    await client.infer(world.call);
    expect((await tab()).voucher).toBe(12n);
    await client.infer(world.call);
    expect(await tab()).toMatchObject({ verified: 15n, voucher: 22n });
  });

  it('leaves what is free without a channel', async () => {
    const { payment } = await paying();
    const world = await createWorld({ ...chain, prices: [{ model: 'any', operation: 0, unitPrice: 0n }] });
    await world.client({}, { payment }).infer(world.call);
    expect(world.calls).not.toContain(CHARGED);
  });

  it('pays for calls that run at once, one sum after the other', async () => {
    const { world, payment, tab } = await paying();
    const client = world.client({}, { payment });
    const results = await Promise.all(Array.from({ length: 8 }, () => client.infer(world.call)));
    const sums = results.map(({ receipt }) => receipt.cumulativeFee).sort((a, b) => Number(a - b));
    expect(sums).toEqual([5n, 10n, 15n, 20n, 25n, 30n, 35n, 40n]);
    expect(await tab()).toMatchObject({ verified: 40n, unknown: 0n, top: 40n, gaps: [], voucher: 40n });
  });

  it.each<[string, Partial<PaymentOptions>, string]>([
    ['a price above its own', { maxUnitPrice: PRICE - 1n }, 'price_refused/price_refused'],
    ['more than it is ready to lose', { maxOutstanding: PRICE - 1n }, 'outstanding_limit/outstanding_limit'],
    [
      'a worker of another operator',
      { channel: createChannel({ payee: new Uint8Array(20).fill(1) }).fields },
      'channel_mismatch/channel_mismatch',
    ],
    [
      'a worker of another chain',
      { channel: createChannel({ chainId: 1n }).fields },
      'channel_mismatch/channel_mismatch',
    ],
    [
      'a worker of another settlement',
      { channel: createChannel({ settlement: new Uint8Array(20) }).fields },
      'channel_mismatch/channel_mismatch',
    ],
  ])('does not pay %s, and signs nothing', async (_, changes, code) => {
    const { world, payment, store } = await paying(changes);
    let signed = 0;
    const sign = (message: Uint8Array): Uint8Array | Promise<Uint8Array> => {
      if (message.length === 6 * 32) signed += 1;
      return payment.sign(message);
    };
    expect(await refusalOf(world.client({}, { payment: { ...payment, sign } }).infer(world.call))).toBe(code);
    expect(signed).toBe(0);
    expect(world.headers).toEqual([]);
    expect((await store.load()).every(({ voucher }) => voucher === 0n)).toBe(true);
  });

  it('does nothing without its store', async () => {
    const { world, payment } = await paying();
    const broken = { ...payment.store, load: async () => Promise.reject(new Error('the disk is gone')) };
    const client = world.client({}, { payment: { ...payment, store: broken } });
    expect(await refusalOf(client.infer(world.call))).toBe('store_failed/store_failed');
    const full = { ...payment.store, save: async () => Promise.reject(new Error('the disk is full')) };
    const other = world.client({}, { payment: { ...payment, store: full } });
    expect(await refusalOf(other.infer(world.call))).toBe('store_failed/store_failed');
    expect(world.headers).toEqual([]);
  });
});

/** What a worker whose image is hostile puts into its receipts. */
function charging(world: World, change: (receipt: ReceiptDraft) => Partial<ReceiptDraft>): void {
  world.onReceipt = (draft) => ({ ...draft, ...change(draft) });
}

describe('a worker that charges wrongly', () => {
  it.each<[string, (receipt: ReceiptDraft) => Partial<ReceiptDraft>, string]>([
    [
      'more than the price',
      ({ fee, cumulativeFee }) => ({ fee: fee + 1n, cumulativeFee: cumulativeFee + 1n }),
      'fee_mismatch',
    ],
    [
      'a sum above this payer’s own',
      ({ cumulativeFee }) => ({ cumulativeFee: cumulativeFee + 1n }),
      'cumulative_fee_mismatch',
    ],
    ['a sum below it', ({ cumulativeFee }) => ({ cumulativeFee: cumulativeFee - 1n }), 'cumulative_fee_mismatch'],
    ['another channel', () => ({ channel: createChannel().id }), 'channel_mismatch'],
  ])('%s is caught, and what it may have taken stays outstanding', async (_, change, reason) => {
    const { world, payment, tab } = await paying();
    const client = world.client({}, { payment });
    await client.infer(world.call);
    charging(world, change);
    expect(await refusalOf(client.infer(world.call))).toBe(`receipt_refused/${reason}`);
    expect(await tab()).toMatchObject({ voucher: 10n, verified: 5n, unknown: 5n });
  });

  it('among calls that run at once is caught by the sums that no call accounts for', async () => {
    const { world, payment } = await paying();
    const client = world.client({}, { payment });
    charging(world, ({ cumulativeFee }) => ({ cumulativeFee: cumulativeFee + 100n }));
    const asked = await Promise.all(Array.from({ length: 4 }, () => refusalOf(client.infer(world.call))));
    expect(asked.every((code) => code === 'receipt_refused/cumulative_fee_mismatch')).toBe(true);
  });

  it('twice for one range of the sum is caught', async () => {
    const { world, payment } = await paying();
    const client = world.client({}, { payment });
    charging(world, ({ cumulativeFee }) => ({ cumulativeFee: cumulativeFee - (cumulativeFee - 5n) }));
    const asked = await Promise.all(Array.from({ length: 3 }, () => refusalOf(client.infer(world.call))));
    expect(asked.filter((code) => code === 'receipt_refused/cumulative_fee_mismatch').length).toBeGreaterThan(0);
  });

  it('by its own account of the channel is caught before more is signed', async () => {
    const { world, payment } = await paying();
    await world.client({}, { payment }).infer(world.call);
    world.onAccount = (said) => {
      const state = decodeAccountState(said);
      return encodeAccountState({ ...state, committed: state.committed + 1n });
    };
    const again = world.client({}, { payment });
    expect(await refusalOf(again.infer(world.call))).toBe('payment_mismatch/committed_mismatch');
  });

  it('or that does not take a voucher is caught', async () => {
    const { world, payment } = await paying();
    world.onAccount = (said) => encodeAccountState({ ...decodeAccountState(said), voucher: 0n });
    expect(await refusalOf(world.client({}, { payment }).infer(world.call))).toBe('payment_mismatch/voucher_ignored');
  });
});

describe('what is lost', () => {
  it('by a host that drops an answer stays outstanding, and the next calls are paid all the same', async () => {
    const { world, payment, tab } = await paying();
    world.keeping = false;
    const client = world.client({}, { payment });
    await client.infer(world.call);
    const onPost = world.onPost;
    const ran = world.headers.length;
    world.onPost = async (path, pass) => {
      const reply = await pass();
      if (world.headers.length > ran) throw new ClientError('host_timeout', 'no answer');
      return onPost(path, async () => reply);
    };
    expect(await refusalOf(client.infer(world.call))).toBe('host_timeout/host_timeout');
    world.onPost = onPost;
    const { receipt } = await client.infer(world.call);
    expect(receipt.cumulativeFee).toBe(15n);
    expect(await tab()).toMatchObject({ voucher: 15n, verified: 10n, unknown: 5n, top: 15n, gaps: [[5n, 10n]] });
  });

  it('before it arrived costs nothing, and the worker’s word on that is taken within what was asked', async () => {
    const { world, payment, tab } = await paying();
    const client = world.client({}, { payment });
    await client.infer(world.call);
    const onPost = world.onPost;
    let left = 2;
    world.onPost = async (_, pass) => {
      left -= 1;
      // The voucher arrives, the request does not.
      if (left === 0) throw new ClientError('host_unreachable', 'gone');
      return pass();
    };
    expect(await refusalOf(client.infer(world.call))).toBe('host_unreachable/host_unreachable');
    world.onPost = onPost;
    expect((await client.infer(world.call)).receipt.cumulativeFee).toBe(10n);
    expect((await tab()).voucher).toBe(10n);
    expect((await client.infer(world.call)).receipt.cumulativeFee).toBe(15n);
    expect(await tab()).toMatchObject({ voucher: 15n, verified: 15n, unknown: 5n, gaps: [] });
  });

  it('is bounded over all logs and restarts: to a thief of every worker’s key, no more than the limit', async () => {
    const { world, payment, store } = await paying({ ahead: 20n, maxOutstanding: 50n });
    for (let epoch = 0; epoch < 2; epoch++) {
      await world.client({}, { payment }).infer(world.call);
      await world.restart();
    }
    const outstanding = async (): Promise<bigint> =>
      (await store.load()).reduce((sum, { voucher, verified }) => sum + voucher - verified, 0n);
    expect(await outstanding()).toBe(40n);
    await world.client({}, { payment }).infer(world.call);
    expect(await outstanding()).toBe(45n);
    await world.restart();
    await world.client({}, { payment }).infer(world.call);
    expect(await outstanding()).toBe(45n);
    await world.restart();
    const tight = { ...payment, maxOutstanding: 49n };
    expect(await refusalOf(world.client({}, { payment: tight }).infer(world.call))).toBe(
      'outstanding_limit/outstanding_limit',
    );
    expect(await outstanding()).toBe(45n);
  });
});

describe('a spending cap', () => {
  it('ends what is spent in all, also over restarts, and what is lost counts in full', async () => {
    const { world, payment } = await paying({ maxSpend: 3n * PRICE });
    const client = world.client({}, { payment });
    await client.infer(world.call);
    world.keeping = false;
    world.onPost = async (path, pass) => {
      const reply = await pass();
      if (world.headers.length === 2 && path.endsWith('charged')) throw new ClientError('host_timeout', 'no answer');
      return reply;
    };
    expect(await refusalOf(client.infer(world.call))).toBe('host_timeout/host_timeout');
    world.onPost = (_, pass) => pass();
    const restarted = world.client({}, { payment });
    expect(await refusalOf(restarted.infer(world.call))).toBe('accepted');
    expect(await refusalOf(restarted.infer(world.call))).toBe('outstanding_limit/spending_cap');
    expect(world.headers).toHaveLength(3);
  });
});

describe('after a restart of the payer', () => {
  it('its sums go on where they were, in a new session with the same worker', async () => {
    const { world, payment, tab } = await paying();
    await world.client({}, { payment }).infer(world.call);
    expect((await world.client({}, { payment }).infer(world.call)).receipt.cumulativeFee).toBe(10n);
    expect(await tab()).toMatchObject({ voucher: 10n, verified: 10n, unknown: 0n });
  });

  it('a store that has forgotten a voucher is noticed before anything is signed', async () => {
    const { world, payment } = await paying();
    await world.client({}, { payment }).infer(world.call);
    const amnesia = world.client({}, { payment: { ...payment, store: memoryStore() } });
    expect(await refusalOf(amnesia.infer(world.call))).toBe('payment_mismatch/voucher_unknown');
  });
});
