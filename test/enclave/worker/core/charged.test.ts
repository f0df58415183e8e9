import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { decodeBundle } from '../../../../wire/message/bundle.ts';
import { type AccountState, decodeAccountState, encodeChannelOpening } from '../../../../wire/message/channel.ts';
import { logPreimage } from '../../../../wire/message/identity.ts';
import { decodeReadyInfo, encodeForSession, linkKind } from '../../../../wire/message/link.ts';
import { decodeReceipt, type Receipt, status, statusName } from '../../../../wire/message/receipt.ts';
import { flag, type RequestHeader } from '../../../../wire/message/request.ts';
import { decodeFinalRecord, encodeCharged, recordKind, shownOf } from '../../../../wire/message/session.ts';
import { openRecord, sealRecord } from '../../../../wire/noise/index.ts';
import { random } from '../../../support/fake-log.ts';
import { chain, createChannel, type TestChannel, voucherRecord } from '../../../support/payment.ts';
import { type ConfigurationChanges, codeOf, gate, requestBytes } from './harness.ts';
import { closeLinks, openSession, type Served, serve, type TestSession } from './link.ts';

const PRICE = 5n;

let worker: Served;
let log: Uint8Array;
let configured: Uint8Array;
let session: TestSession;
let channel: TestChannel;
let numbers: number;

async function restart(changes: ConfigurationChanges = {}): Promise<void> {
  worker = await serve({ ...chain, limits: { channels: 4 }, ...changes });
  configured = (worker.link.frames.find(({ id }) => id === 1) as { readonly payload: Uint8Array }).payload;
  log = sha256(logPreimage(decodeReadyInfo(configured).identity));
  channel = createChannel();
  await reopen();
}

async function reopen(): Promise<void> {
  session = await openSession(worker.link, configured);
  numbers = 0;
}

beforeEach(() => restart());
afterEach(closeLinks);

interface Sending {
  readonly number?: number;
  /** What the host is shown; `null` means that nothing is. */
  readonly shown?: Uint8Array | null;
}

async function exchange(
  data: Uint8Array,
  { number = numbers++, shown = shownOf(data) }: Sending = {},
): Promise<Uint8Array> {
  const { sendKey, receiveKey, handshakeHash } = session.transport;
  const place = { direction: 'to-worker', request: number, chunk: 0, final: true } as const;
  const record = await sealRecord(nodeSuite, sendKey, handshakeHash, place, data, 'body');
  const kind = shown === null ? linkKind.sealed : linkKind.charged;
  const payload = shown === null ? record : encodeCharged(shown, record);
  const reply = await worker.link.ask(kind, encodeForSession(session.sessionId, payload));
  const opened = await openRecord(nodeSuite, receiveKey, handshakeHash, 'to-client', reply);
  expect(opened.place).toEqual({ direction: 'to-client', request: number, chunk: 0, final: true });
  return opened.data;
}

function opening(of: TestChannel = channel): Uint8Array {
  return concatBytes(
    Uint8Array.of(recordKind.channel),
    encodeChannelOpening(of.opening(session.transport.handshakeHash)),
  );
}

function request(changes: Partial<RequestHeader> = {}): Uint8Array {
  const bytes = requestBytes({ modelId: worker.demo.modelId, flags: flag.sealed, channel: channel.id, ...changes });
  return concatBytes(Uint8Array.of(recordKind.request), bytes);
}

async function account(data: Uint8Array, sending?: Sending): Promise<AccountState> {
  return decodeAccountState(await exchange(data, sending));
}

const raise = (maxCumulative: bigint): Promise<AccountState> =>
  account(voucherRecord(channel.voucher(log, maxCumulative)));

interface Said {
  readonly receipt: Receipt;
  /** Status, and the code where it is no result. */
  readonly outcome: string;
}

async function ask(changes: Partial<RequestHeader> = {}, sending?: Sending): Promise<Said> {
  const { bundle, body } = decodeFinalRecord(await exchange(request(changes), sending));
  const receipt = decodeReceipt(decodeBundle(bundle).receipt);
  const code = /"code":"([a-z_]+)"/.exec(new TextDecoder().decode(body))?.[1];
  const name = statusName(receipt.status);
  return { receipt, outcome: name === 'ok' ? 'ok' : `${name} ${code}` };
}

async function ready(voucher: bigint): Promise<void> {
  await account(opening());
  await raise(voucher);
}

describe('a session that charges a channel', () => {
  it('answers with receipts whose sums grow in the order of the log, each by its fee', async () => {
    expect(await account(opening())).toEqual({ committed: 0n, voucher: 0n });
    expect(await raise(100n)).toEqual({ committed: 0n, voucher: 100n });
    for (const owed of [PRICE, 2n * PRICE, 3n * PRICE]) {
      const { receipt, outcome } = await ask();
      expect(outcome).toBe('ok');
      expect(receipt).toMatchObject({ channel: channel.id, fee: PRICE, cumulativeFee: owed });
    }
    expect(await raise(101n)).toEqual({ committed: 3n * PRICE, voucher: 101n });
  });

  it('never charges more than the maximum, nor more units than it counted', async () => {
    await ready(1_000n);
    expect((await ask({ unitPrice: 70n, maxFee: 60n })).receipt.fee).toBe(60n);
    expect((await ask({ unitPrice: 70n, maxFee: 500n })).receipt.fee).toBe(70n);
    expect((await ask()).receipt).toMatchObject({ fee: PRICE, cumulativeFee: 135n });
  });

  it('charges nothing for what is no result, and says what is owed all the same', async () => {
    await ready(100n);
    await ask();
    worker.pool.run = async () => [];
    for (const broken of [{ modelId: random(32) }, { unitPrice: PRICE - 1n }, { seed: random(32) }]) {
      expect((await ask(broken)).receipt).toMatchObject({ fee: 0n, cumulativeFee: PRICE, status: status.refused });
    }
    worker.pool.run = async () => {
      throw new Error('a bug of ours');
    };
    expect(await codeOf(ask())).toBe('internal');
    expect(await raise(101n)).toEqual({ committed: PRICE, voucher: 101n });
  });

  it('still answers what charges nothing', async () => {
    await account(opening());
    const free = { channel: new Uint8Array(32) };
    expect((await ask(free)).receipt).toMatchObject({ status: status.ok, cumulativeFee: 0n });
    expect((await ask(free, { shown: null })).receipt.status).toBe(status.ok);
  });

  it('is found again by another session with the same key: sums go on in one log', async () => {
    await ready(2n * PRICE);
    await ask();
    await reopen();
    expect(await account(opening())).toEqual({ committed: PRICE, voucher: 2n * PRICE });
    expect((await ask()).receipt.cumulativeFee).toBe(2n * PRICE);
    expect((await ask()).outcome).toBe('refused voucher_too_low');
  });

  it('starts at nothing after the worker restarts, and the old log’s vouchers are worth nothing', async () => {
    await ready(100n);
    const old = voucherRecord(channel.voucher(log, 100n));
    const mine = channel;
    await restart();
    channel = mine;
    expect(await account(opening())).toEqual({ committed: 0n, voucher: 0n });
    expect(await codeOf(account(old))).toBe('voucher_refused');
    expect((await ask()).outcome).toBe('refused voucher_too_low');
  });
});

describe('what the newest voucher does not cover is refused', () => {
  it('without any voucher, to the last unit, and not by what it would have cost', async () => {
    await account(opening());
    expect((await ask()).outcome).toBe('refused voucher_too_low');
    await raise(2n * PRICE - 1n);
    expect((await ask()).outcome).toBe('ok');
    expect((await ask()).outcome).toBe('refused voucher_too_low');
    await raise(2n * PRICE);
    // The maximum is what counts: who allows more than the voucher holds may be charged it.
    expect((await ask({ maxFee: PRICE + 1n })).outcome).toBe('refused voucher_too_low');
    expect((await ask()).receipt.cumulativeFee).toBe(2n * PRICE);
  });

  it('also among requests that run at once: together they never pass it', async () => {
    await ready(3n * PRICE);
    const { passed, open } = gate();
    const { run } = worker.pool;
    worker.pool.run = async (inputs, ms) => {
      await passed;
      return run(inputs, ms);
    };
    const asked = Array.from({ length: 8 }, () => ask());
    await new Promise((resolve) => setTimeout(resolve, 50));
    open();
    const said = await Promise.all(asked);
    expect(said.filter(({ outcome }) => outcome === 'ok')).toHaveLength(3);
    expect(said.filter(({ outcome }) => outcome === 'refused voucher_too_low')).toHaveLength(5);
    const charged = said.filter(({ outcome }) => outcome === 'ok').map(({ receipt }) => receipt);
    const byPlace = charged.sort((a, b) => Number(a.index - b.index)).map(({ cumulativeFee }) => cumulativeFee);
    expect(byPlace).toEqual([PRICE, 2n * PRICE, 3n * PRICE]);
  });

  it('and what runs holds its maximum until it is charged', async () => {
    await ready(3n * PRICE);
    const { passed, open } = gate();
    const { run } = worker.pool;
    worker.pool.run = async (inputs, ms) => {
      await passed;
      return run(inputs, ms);
    };
    const running = ask({ maxFee: 2n * PRICE });
    await expect.poll(() => raise(1n)).toEqual({ committed: 2n * PRICE, voucher: 3n * PRICE });
    open();
    expect((await running).receipt.cumulativeFee).toBe(PRICE);
    expect(await raise(1n)).toEqual({ committed: PRICE, voucher: 3n * PRICE });
  });
});

describe('a header', () => {
  it.each<[string, () => Promise<Said>]>([
    ['of a channel that no session opened', () => ask()],
    [
      'of another channel than this session’s',
      async () => {
        await ready(100n);
        return ask({ channel: createChannel().id });
      },
    ],
    [
      'of another session’s channel, paid by its voucher',
      async () => {
        await ready(100n);
        const mine = channel;
        await reopen();
        await account(opening(createChannel()));
        return ask({ channel: mine.id });
      },
    ],
    [
      'of this channel that the host was not shown',
      async () => {
        await ready(100n);
        return ask({}, { shown: null });
      },
    ],
  ])('%s is refused, and charges nothing', async (_, said) => {
    expect(await said()).toMatchObject({
      outcome: 'refused channel_not_open',
      receipt: { fee: 0n, cumulativeFee: 0n },
    });
  });

  it('with a channel is refused where it came unsealed', async () => {
    await ready(100n);
    const bytes = requestBytes({ modelId: worker.demo.modelId, channel: channel.id });
    const { body } = decodePlain(await worker.link.ask(linkKind.plain, bytes));
    expect(body).toContain('channel_not_open');
  });
});

function decodePlain(payload: Uint8Array): { readonly body: string } {
  return { body: Buffer.from(payload).toString('latin1') };
}

describe('a record of money', () => {
  it('is refused where the host was not shown it, or something else', async () => {
    expect(await codeOf(account(opening(), { number: 0, shown: null }))).toBe('record_refused');
    await reopen();
    expect(await codeOf(account(opening(), { number: 0, shown: opening(createChannel()) }))).toBe('record_refused');
    await reopen();
    await account(opening());
    const small = voucherRecord(channel.voucher(log, 1n));
    const large = voucherRecord(channel.voucher(log, 100n));
    expect(await codeOf(account(large, { shown: small }))).toBe('record_refused');
    expect(await codeOf(account(large, { shown: null }))).toBe('record_refused');
    expect(await account(small)).toEqual({ committed: 0n, voucher: 1n });
  });

  it('shows the model and channel of a request as they are', async () => {
    await ready(100n);
    for (const other of [{ channel: random(32) }, { modelId: random(32) }]) {
      expect(await codeOf(ask({}, { shown: shownOf(request(other)) }))).toBe('record_refused');
    }
    expect(await codeOf(ask({}, { shown: new Uint8Array(0) }))).toBe('record_refused');
    expect((await ask()).outcome).toBe('ok');
  });

  it('opens a channel as the first record only, so that a session never charges a second', async () => {
    expect(await codeOf(account(opening(), { number: 1 }))).toBe('record_refused');
    await reopen();
    await account(opening());
    for (const number of [0, 1]) {
      expect(await codeOf(account(opening(createChannel()), { number }))).toBe('record_refused');
    }
  });

  it('of a channel is worth nothing in another session: its signature is over this handshake', async () => {
    const recorded = opening();
    await account(recorded);
    await reopen();
    expect(await codeOf(account(recorded))).toBe('channel_refused');
    expect((await ask()).outcome).toBe('refused channel_not_open');
  });

  it('raises this session’s channel and no other', async () => {
    const other = createChannel();
    await account(opening(other));
    await reopen();
    await account(opening());
    expect(await codeOf(account(voucherRecord(other.voucher(log, 9n))))).toBe('voucher_refused');
    await reopen();
    expect(await codeOf(raise(9n))).toBe('voucher_refused');
  });

  it.each([
    ['a channel of too few bytes', () => opening().subarray(0, -1)],
    ['a channel of too many', () => concatBytes(opening(), Uint8Array.of(0))],
    ['a voucher before any channel that is cut', () => voucherRecord(channel.voucher(log, 1n)).subarray(0, -1)],
    ['a voucher of more than 128 bits', () => voucherRecord(channel.voucher(log, 1n)).fill(1, 33, 40)],
    ['a cancellation', () => Uint8Array.of(recordKind.cancel)],
  ])('%s is refused as a record', async (_, data) => {
    expect(await codeOf(account(data()))).toBe('record_refused');
  });

  it('is refused by a worker that serves no channels', async () => {
    await restart({ limits: { channels: 0 } });
    expect(await codeOf(account(opening()))).toBe('channel_refused');
  });
});
