import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions, type ReceiptDraft, type TransparencyLog } from '../../../../enclave/worker/log.ts';
import { equalBytes } from '../../../../wire/bytes.ts';
import { verifyLowS } from '../../../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { publicPoint } from '../../../../wire/crypto/node-sign.ts';
import { limits } from '../../../../wire/limits.ts';
import type { ReceiptBundle } from '../../../../wire/message/bundle.ts';
import { decodeEntries, type Entries, encodeEntries } from '../../../../wire/message/link.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../../wire/message/receipt.ts';
import { verifyInclusion } from '../../../../wire/tree/index.ts';
import { blankReceipt, execution, random } from '../../../support/fake-log.ts';
import { signingKey } from './harness.ts';

const signer = signingKey();
const wrongCurve = signingKey('P-384');
const logId = random(32);

interface Opened {
  readonly log: TransparencyLog;
  readonly sent: Entries[];
  readonly fatal: unknown[];
}

function open(changes: Partial<LogOptions> = {}): Opened {
  const sent: Entries[] = [];
  const fatal: unknown[] = [];
  const log = createLog({
    chainId: 7n,
    settlement: new Uint8Array(20).fill(3),
    log: logId,
    signer,
    capacity: 1_000,
    onEntries: (entries) => sent.push(entries),
    onFatal: (error) => fatal.push(error),
    ...changes,
  });
  return { log, sent, fatal };
}

function draft(): ReceiptDraft {
  const { index: _, ...rest } = blankReceipt();
  return rest;
}

function record(log: TransparencyLog): Promise<ReceiptBundle> {
  const reservation = log.reserve();
  if (reservation === undefined) throw new TypeError('the log is full');
  return reservation.record(draft(), execution);
}

const many = (log: TransparencyLog, count: number): Promise<readonly ReceiptBundle[]> =>
  Promise.all(Array.from({ length: count }, () => record(log)));

async function provenBy(bundle: ReceiptBundle): Promise<boolean> {
  const { size, root } = decodeTreeHead(bundle.head);
  const index = Number(decodeReceipt(bundle.receipt).index);
  const leafHash = sha256(leafPreimage(bundle.receipt));
  const included = await verifyInclusion(nodeSuite, { leafHash, index, size, proof: bundle.proof, root });
  return included && (await verifyLowS(nodeSuite, publicPoint(signer), bundle.head, bundle.signature));
}

describe('a receipt', () => {
  it('is proven by the head that comes with it, wherever it stands in its batch', async () => {
    const { log } = open();
    const bundles = [...(await many(log, 1)), ...(await many(log, 13)), ...(await many(log, 50))];
    for (const bundle of bundles) expect(await provenBy(bundle)).toBe(true);
    expect(bundles.map(({ receipt }) => Number(decodeReceipt(receipt).index))).toEqual([...bundles.keys()]);
    expect(log.size).toBe(64);
  });

  it('is under a head that names the chain, the settlement and the log', async () => {
    const { log } = open();
    expect(decodeTreeHead((await record(log)).head)).toMatchObject({
      chainId: 7n,
      settlement: new Uint8Array(20).fill(3),
      log: logId,
      size: 1,
    });
  });

  it('keeps the draft as it was given, and the execution beside it', async () => {
    const { log } = open();
    const given = draft();
    const bundle = await (log.reserve() as NonNullable<ReturnType<typeof log.reserve>>).record(given, execution);
    expect(decodeReceipt(bundle.receipt)).toEqual({ ...given, index: 0n });
    expect(bundle.execution).toEqual(execution);
  });
});

describe('signing', () => {
  it('is shared by whatever finished in one turn, or while the signature before was being made', async () => {
    const { log, sent } = open();
    const first = many(log, 3);
    // In the next turn of the loop the first three are being signed for, and whoever comes now shares the next head.
    await new Promise(setImmediate);
    await Promise.all([first, many(log, 200)]);
    expect(sent.map(({ from, receipts }) => [from, receipts.length])).toEqual([
      [0, 3],
      [3, 200],
    ]);
  });

  it('waits for nobody: one after the other has one head each', async () => {
    const { log, sent } = open();
    for (let i = 0; i < 5; i++) await record(log);
    expect(sent.map(({ receipts }) => receipts.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('sends the entries before the answer, so that the journal comes first', async () => {
    const order: string[] = [];
    const { log } = open({ onEntries: ({ from, receipts }) => order.push(`sent ${from}+${receipts.length}`) });
    const first = record(log).then(() => order.push('first'));
    await new Promise(setImmediate);
    await Promise.all([first, record(log).then(() => order.push('second'))]);
    expect(order).toEqual(['sent 0+1', 'first', 'sent 1+1', 'second']);
  });

  it('is fatal where it fails: nobody is answered, then or later', async () => {
    const { log, sent, fatal } = open({ signer: wrongCurve });
    const lost = await Promise.allSettled([record(log), record(log), record(log)]);
    expect(lost.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(fatal).toHaveLength(1);
    expect(fatal[0]).toMatchObject({ code: 'key_invalid' });
    await expect(record(log)).rejects.toMatchObject({ code: 'key_invalid' });
    expect(fatal).toHaveLength(1);
    expect(sent).toEqual([]);
    expect(log.size).toBe(0);
  });

  it('is fatal where the host cannot be told', async () => {
    const { log, fatal } = open({
      onEntries: () => {
        throw new RangeError('out of memory');
      },
    });
    await expect(record(log)).rejects.toBeInstanceOf(RangeError);
    expect(fatal).toHaveLength(1);
  });
});

describe('capacity', () => {
  it('ends what is accepted until the host has acknowledged', async () => {
    const { log } = open({ capacity: 3 });
    await many(log, 3);
    expect(log.reserve()).toBeUndefined();
    log.acknowledge(2);
    const [first, second] = [log.reserve(), log.reserve()];
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(log.reserve()).toBeUndefined();
  });

  it('counts a place from the moment it is taken, and gives it back once', () => {
    const { log } = open({ capacity: 2 });
    const [first, second] = [log.reserve(), log.reserve()];
    expect(log.reserve()).toBeUndefined();
    first?.release();
    first?.release();
    expect(log.reserve()).toBeDefined();
    expect(log.reserve()).toBeUndefined();
    second?.release();
    expect(log.reserve()).toBeDefined();
  });

  it('gives no place back for a receipt that was recorded', async () => {
    const { log } = open({ capacity: 1 });
    const reservation = log.reserve();
    await reservation?.record(draft(), execution);
    reservation?.release();
    expect(log.reserve()).toBeUndefined();
  });

  it('counts a leaf whose head is being signed once', async () => {
    const { log } = open({ capacity: 4 });
    const signing = [record(log), record(log)];
    expect([log.reserve(), log.reserve(), log.reserve()].map((place) => place !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
    await Promise.all(signing);
  });
});

describe('acknowledgement', () => {
  it.each([
    ['of more than there is', 6],
    ['of less than before', 1],
    ['of the same again', 2],
    ['of nothing', 0],
  ])('%s changes nothing', async (_, count) => {
    const { log } = open({ capacity: 5 });
    for (let i = 0; i < 5; i++) await record(log);
    log.acknowledge(2);
    log.acknowledge(count);
    expect(log.acknowledged).toBe(2);
    expect(log.unacknowledged().map(({ from }) => from)).toEqual([2, 3, 4]);
  });

  it('of leaves that were not sent yet changes nothing, though they are in the tree', async () => {
    const { log, sent } = open();
    const bundle = record(log);
    expect(log.size).toBe(0);
    log.acknowledge(1);
    await bundle;
    expect(log.acknowledged).toBe(0);
    expect(log.unacknowledged()).toEqual(sent);
  });

  it('leaves exactly what was sent and not acknowledged, in order and as it was sent', async () => {
    const { log, sent } = open();
    await many(log, 5);
    await many(log, 5);
    expect(log.unacknowledged()).toEqual(sent);
    const from = sent.map((entries) => entries.from);
    expect([...from].sort((a, b) => a - b)).toEqual(from);
    // In the middle of a batch: the head covers all of it, so it is sent again whole.
    log.acknowledge(3);
    expect(log.unacknowledged()[0]).toBe(sent.find((entries) => entries.from + entries.receipts.length > 3));
    log.acknowledge(10);
    expect(log.unacknowledged()).toEqual([]);
  });

  it('fits into one frame, however much finished at once', async () => {
    const { log, sent } = open({ capacity: 4_096 });
    await many(log, 4_096);
    expect(log.reserve()).toBeUndefined();
    const largest = encodeEntries(sent[0] as Entries);
    expect(equalBytes(encodeEntries(decodeEntries(largest)), largest)).toBe(true);
    expect(largest.length).toBeLessThan(limits.frameBytes);
  });
});
