import { describe, expect, it } from 'vitest';
import { type Channels, createChannels } from '../../../../enclave/worker/channels.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { signP256 } from '../../../../wire/crypto/node-sign.ts';
import { type ChannelFields, sessionMessage } from '../../../../wire/message/authorisations.ts';
import { random } from '../../../support/fake-log.ts';
import { chain, createChannel, type TestChannel } from '../../../support/payment.ts';
import { codeOf } from './harness.ts';

const log = random(32);
const h = random(32);

function table(capacity = 8, name = log): Channels {
  const identity = {
    version: 1n,
    signerX: random(32),
    signerY: random(32),
    sealKey: random(32),
    config: random(32),
    runtime: random(32),
    ...chain,
  };
  return createChannels({ identity, log: name, capacity });
}

async function opened(channels: Channels, channel: TestChannel = createChannel()): Promise<TestChannel> {
  await channels.open(channel.opening(h), h);
  return channel;
}

describe('a channel', () => {
  it('is named by its fields, and owes nothing at first', async () => {
    const channels = table();
    const channel = createChannel();
    expect(await channels.open(channel.opening(h), h)).toEqual(channel.id);
    expect(channels.state(channel.id)).toEqual({ committed: 0n, voucher: 0n });
  });

  it.each<[string, Partial<ChannelFields>]>([
    ['on another chain', { chainId: 1n }],
    ['in another settlement', { settlement: new Uint8Array(20).fill(9) }],
    ['that pays somebody else', { payee: new Uint8Array(20).fill(9) }],
    ['with a key off the curve', { sessionX: new Uint8Array(32).fill(1) }],
  ])('%s is refused', async (_, changes) => {
    expect(await codeOf(table().open(createChannel(changes).opening(h), h))).toBe('channel_refused');
  });

  it.each<[string, (channel: TestChannel) => Uint8Array]>([
    ['for another session', ({ opening }) => opening(random(32)).signature],
    ['by another key', () => createChannel().opening(h).signature],
    ['of nothing', () => new Uint8Array(64)],
    ['of the hash alone', ({ key }) => signP256(key, h)],
    ['of a hash of the message', ({ key }) => signP256(key, sha256(sessionMessage(h)))],
  ])('is refused with a signature %s', async (_, signature) => {
    const channel = createChannel();
    const opening = { fields: channel.fields, signature: signature(channel) };
    expect(await codeOf(table().open(opening, h))).toBe('channel_refused');
  });

  it('that comes back finds what it owes and the voucher that it gave', async () => {
    const channels = table();
    const channel = await opened(channels);
    await channels.raise(channel.voucher(log, 100n));
    const charge = channels.charge(channel.id);
    expect(charge?.reserve(30n)).toBe(true);
    expect(charge?.settle(20n)).toBe(20n);
    await opened(channels, channel);
    expect(channels.state(channel.id)).toEqual({ committed: 20n, voucher: 100n });
  });
});

describe('a voucher', () => {
  it.each<[string, (channel: TestChannel) => ReturnType<TestChannel['voucher']>]>([
    ['for another log', (channel) => channel.voucher(random(32), 50n)],
    ['for another chain', (channel) => channel.voucher(log, 50n, { chainId: 1n })],
    ['for another settlement', (channel) => channel.voucher(log, 50n, { settlement: new Uint8Array(20) })],
    ['of another sum', (channel) => ({ ...channel.voucher(log, 50n), maxCumulative: 51n })],
    ['of another channel', (channel) => ({ ...createChannel().voucher(log, 50n), channel: channel.id })],
    ['without a signature', (channel) => ({ ...channel.voucher(log, 50n), signature: new Uint8Array(64) })],
  ])('%s is refused, and nothing is covered by it', async (_, voucher) => {
    const channels = table();
    const channel = await opened(channels);
    expect(await codeOf(channels.raise(voucher(channel)))).toBe('voucher_refused');
    expect(channels.state(channel.id).voucher).toBe(0n);
    expect(channels.charge(channel.id)?.reserve(1n)).toBe(false);
  });

  it('of a channel that nobody opened is refused', async () => {
    expect(await codeOf(table().raise(createChannel().voucher(log, 1n)))).toBe('channel_refused');
  });

  it('that is lower than one before changes nothing', async () => {
    const channels = table();
    const channel = await opened(channels);
    await channels.raise(channel.voucher(log, 50n));
    await channels.raise(channel.voucher(log, 49n));
    expect(channels.state(channel.id).voucher).toBe(50n);
    await channels.raise(channel.voucher(log, 51n));
    expect(channels.state(channel.id).voucher).toBe(51n);
  });

  it('has no part in another log of the same worker', async () => {
    const next = table(8, random(32));
    const channel = await opened(next);
    expect(await codeOf(next.raise(channel.voucher(log, 50n)))).toBe('voucher_refused');
  });
});

describe('a charge', () => {
  it('is covered up to the voucher to the last unit, by what is owed and what is under way together', async () => {
    const channels = table();
    const channel = await opened(channels);
    await channels.raise(channel.voucher(log, 100n));
    const [a, b, c] = [1, 2, 3].map(() => channels.charge(channel.id));
    expect(a?.reserve(60n)).toBe(true);
    expect(b?.reserve(41n)).toBe(false);
    expect(b?.reserve(40n)).toBe(true);
    expect(c?.reserve(1n)).toBe(false);
    expect(a?.settle(10n)).toBe(10n);
    expect(channels.state(channel.id).committed).toBe(50n);
    expect(c?.reserve(51n)).toBe(false);
    expect(c?.reserve(50n)).toBe(true);
    expect(b?.settle(40n)).toBe(50n);
    expect(c?.settle(50n)).toBe(100n);
    expect(channels.charge(channel.id)?.reserve(1n)).toBe(false);
  });

  it('gives back what it held, once', async () => {
    const channels = table();
    const channel = await opened(channels);
    await channels.raise(channel.voucher(log, 10n));
    const [a, b] = [channels.charge(channel.id), channels.charge(channel.id)];
    expect(a?.reserve(10n)).toBe(true);
    a?.release();
    a?.release();
    expect(channels.state(channel.id).committed).toBe(0n);
    expect(b?.reserve(10n)).toBe(true);
    expect(a?.settle(0n)).toBe(0n);
    expect(channels.state(channel.id).committed).toBe(10n);
  });
});

describe('the table', () => {
  it('is bounded: of those that have paid nothing, the oldest goes', async () => {
    const channels = table(2);
    const [a, b] = [await opened(channels), await opened(channels)];
    const c = await opened(channels);
    expect([a, b, c].map(({ id }) => channels.charge(id) !== undefined)).toEqual([false, true, true]);
  });

  it('never forgets one that has paid, or is about to', async () => {
    const channels = table(2);
    const [paid, paying] = [await opened(channels), await opened(channels)];
    for (const channel of [paid, paying]) await channels.raise(channel.voucher(log, 5n));
    const charge = channels.charge(paid.id);
    charge?.reserve(5n);
    charge?.settle(5n);
    const running = channels.charge(paying.id);
    running?.reserve(5n);
    const late = createChannel();
    expect(await codeOf(channels.open(late.opening(h), h))).toBe('channel_refused');
    expect(channels.state(paid.id)).toEqual({ committed: 5n, voucher: 5n });
    await opened(channels, paid);
    running?.settle(0n);
    expect(await codeOf(channels.open(late.opening(h), h))).toBe('accepted');
    expect(channels.charge(paying.id)).toBeUndefined();
    expect(channels.state(paid.id)).toEqual({ committed: 5n, voucher: 5n });
  });

  it('takes nothing for a channel that went before its request held anything', async () => {
    const channels = table(1);
    const gone = await opened(channels);
    await channels.raise(gone.voucher(log, 5n));
    const waiting = channels.charge(gone.id);
    await opened(channels);
    // Else it would be answered for a sum that nobody remembers when the channel comes back.
    expect(waiting?.reserve(5n)).toBe(false);
  });

  it('of no places takes no channel', async () => {
    expect(await codeOf(table(0).open(createChannel().opening(h), h))).toBe('channel_refused');
  });
});
