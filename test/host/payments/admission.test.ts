import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Journal, openJournal } from '../../../host/journal/index.ts';
import { type Admission, type ChannelFunds, createAdmission } from '../../../host/payments/admission.ts';
import type { ReadyWorker } from '../../../host/worker-link.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { encodeChannelOpening } from '../../../wire/message/channel.ts';
import { decodeConfiguration } from '../../../wire/message/configuration.ts';
import { recordKind } from '../../../wire/message/session.ts';
import { createFakeLog, type FakeLog, random, testConfiguration } from '../../support/fake-log.ts';
import { chain, createChannel, type TestChannel, voucherRecord } from '../../support/payment.ts';

let directory: string;
let journal: Journal;
let log: FakeLog;
let worker: ReadyWorker;
let channel: TestChannel;
let funds: ChannelFunds;
let asked: number;
let time: number;
let admission: Admission;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pm-admission-'));
  journal = openJournal(directory, { maxBytes: 2 ** 26 });
  const configuration = testConfiguration(chain);
  log = createFakeLog(configuration);
  await journal.openLog(log.ready);
  worker = { log: log.log, info: log.ready, configuration: decodeConfiguration(configuration) };
  channel = createChannel();
  funds = { balance: 100n, claimed: 0n };
  asked = 0;
  time = 0;
  admission = createAdmission({
    journal,
    fundsOf: async () => {
      asked += 1;
      return funds;
    },
    now: () => time,
  });
});

afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

async function verdict(shown: Uint8Array): Promise<string> {
  try {
    await admission.admit(shown, worker);
    return 'admitted';
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

const opening = (of: TestChannel = channel): Uint8Array =>
  concatBytes(Uint8Array.of(recordKind.channel), encodeChannelOpening(of.opening(random(32))));
const request = (id: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(recordKind.request), random(32), id);

describe('a channel', () => {
  it('is admitted where it pays this operator and holds something, and its fields are kept', async () => {
    expect(await verdict(opening())).toBe('admitted');
    expect(journal.channel(channel.id)).toEqual(channel.fields);
    expect(await verdict(request(channel.id))).toBe('admitted');
  });

  it.each([
    ['on another chain', { chainId: 1n }],
    ['in another settlement', { settlement: new Uint8Array(20) }],
    ['for another operator', { payee: new Uint8Array(20) }],
  ])('%s is refused without a look at the chain', async (_, changes) => {
    expect(await verdict(opening(createChannel(changes)))).toBe('channel_refused');
    expect(asked).toBe(0);
  });

  it('that holds nothing is refused, and so are its requests', async () => {
    funds = { balance: 0n, claimed: 0n };
    expect(await verdict(opening())).toBe('channel_refused');
    expect(await verdict(request(channel.id))).toBe('channel_refused');
  });
});

describe('requests', () => {
  it('are admitted on the strength of a channel that was open half a minute ago, and then it is asked again', async () => {
    await verdict(opening());
    asked = 0;
    for (time of [0, 29_999]) expect(await verdict(request(channel.id))).toBe('admitted');
    expect(asked).toBe(1);
    // The payer has begun to close: what the worker still takes for covered will not be paid.
    funds = { balance: 0n, claimed: 0n };
    time = 30_000;
    expect(await verdict(request(channel.id))).toBe('channel_refused');
    expect(await verdict(request(channel.id))).toBe('channel_refused');
    funds = { balance: 1n, claimed: 0n };
    expect(await verdict(request(channel.id))).toBe('admitted');
  });
});

describe('a voucher', () => {
  const voucher = (sum: bigint, name = log.log): Uint8Array => voucherRecord(channel.voucher(name, sum));

  it('is kept before the worker sees it, the highest of all, and survives the process', async () => {
    await verdict(opening());
    for (const sum of [5n, 9n, 7n]) expect(await verdict(voucher(sum))).toBe('admitted');
    await journal.close();
    journal = openJournal(directory, { maxBytes: 2 ** 26 });
    expect(journal.vouchers(log.log, undefined, 10)).toEqual(
      [channel.voucher(log.log, 9n)].map(
        ({ channel: id, maxCumulative }) => expect.objectContaining({ channel: id, maxCumulative }) as never,
      ),
    );
  });

  it('of more than the channel holds beyond what was claimed is refused', async () => {
    await verdict(opening());
    funds = { balance: 10n, claimed: 20n };
    expect(await verdict(voucher(31n))).toBe('voucher_refused');
    expect(await verdict(voucher(30n))).toBe('admitted');
  });

  it.each<[string, () => Uint8Array]>([
    ['for another log', () => voucher(5n, random(32))],
    ['by another key', () => voucherRecord({ ...createChannel().voucher(log.log, 5n), channel: channel.id })],
    ['for another settlement', () => voucherRecord(channel.voucher(log.log, 5n, { settlement: new Uint8Array(20) }))],
  ])('%s is refused, and never kept in place of a good one', async (_, bad) => {
    await verdict(opening());
    await verdict(voucher(1n));
    expect(await verdict(bad())).toBe('voucher_refused');
    expect(journal.vouchers(log.log, undefined, 10)).toMatchObject([{ maxCumulative: 1n }]);
  });

  it('of a channel that was not opened here is refused', async () => {
    expect(await verdict(voucher(1n))).toBe('channel_refused');
  });
});

it.each([
  ['nothing', new Uint8Array(0)],
  ['an unknown kind', Uint8Array.of(9)],
  ['a cancellation', Uint8Array.of(recordKind.cancel)],
  ['half a channel', Uint8Array.of(recordKind.channel, 1, 2)],
  ['a request without its channel', Uint8Array.of(recordKind.request, 1)],
])('%s is refused', async (_, shown) => {
  expect(await verdict(shown)).toBe('channel_refused');
});

it('a chain that does not answer admits nothing', async () => {
  const silent = createAdmission({
    journal,
    fundsOf: async () => Promise.reject(Object.assign(new Error('down'), { code: 'chain_unavailable' })),
    now: () => time,
  });
  await expect(silent.admit(opening(), worker)).rejects.toMatchObject({ code: 'chain_unavailable' });
  expect(journal.channel(channel.id)).toBeUndefined();
});

describe('what a channel owes', () => {
  it('is found by its last receipt in each log, after any number of others', async () => {
    const { entries } = log.grow([
      { channel: channel.id, cumulativeFee: 5n },
      { channel: createChannel().id, cumulativeFee: 7n },
      { channel: channel.id, cumulativeFee: 10n },
      {},
    ]);
    expect(journal.charged(log.log, channel.id)).toBeUndefined();
    await journal.append(log.log, entries).durable;
    expect(journal.charged(log.log, channel.id)).toEqual({ log: log.log, index: 2 });
    expect(journal.charged(random(32), channel.id)).toBeUndefined();
    expect(journal.logs(10)).toEqual([log.log]);
  });

  it('is listed a page at a time', async () => {
    const channels = Array.from({ length: 5 }, () => createChannel());
    for (const { fields } of channels) await journal.saveChannel(fields);
    for (const one of channels) await journal.saveVoucher(log.log, one.voucher(log.log, 1n));
    const seen: Uint8Array[] = [];
    for (let after: Uint8Array | undefined; ; after = seen.at(-1)) {
      const page = journal.vouchers(log.log, after, 2);
      seen.push(...page.map(({ channel: id }) => id));
      if (page.length < 2) break;
    }
    const sorted = channels.map(({ id }) => Buffer.from(id).toString('hex')).sort();
    expect(seen.map((id) => Buffer.from(id).toString('hex'))).toEqual(sorted);
  });
});
