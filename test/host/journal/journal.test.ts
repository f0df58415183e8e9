import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Journal, openJournal } from '../../../host/journal/index.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { Entries } from '../../../wire/message/link.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import { verifyConsistency, verifyInclusion } from '../../../wire/tree/index.ts';
import { blankReceipt, createFakeLog, type FakeLog, random } from '../../support/fake-log.ts';

const MAX_BYTES = 256 * 1024 * 1024;

let directory: string;
let journal: Journal;
let fake: FakeLog;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-journal-'));
  journal = openJournal(directory, { maxBytes: MAX_BYTES });
  fake = createFakeLog();
  await journal.openLog(fake.ready);
});

afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

async function refusal(log: Uint8Array, entries: Entries): Promise<string> {
  return journal.append(log, entries).durable.then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  );
}

describe('what the journal serves', () => {
  it('finds every receipt by its request and proves it in the newest head', async () => {
    const ids = Array.from({ length: 23 }, () => random(32));
    for (const [start, end] of [
      [0, 1],
      [1, 2],
      [2, 9],
      [9, 23],
    ] as const) {
      const { entries } = fake.grow(ids.slice(start, end).map((requestId) => ({ requestId })));
      const { written, durable } = journal.append(fake.log, entries);
      await written;
      expect(await durable).toBe(end);
    }
    for (const [index, requestId] of ids.entries()) {
      expect(journal.places(requestId)).toEqual([{ log: fake.log, index }]);
      const bundle = journal.bundle({ log: fake.log, index });
      const head = decodeTreeHead(bundle.head);
      expect(head.size).toBe(23);
      expect(decodeReceipt(bundle.receipt).requestId).toEqual(requestId);
      expect(sha256(bundle.execution)).toEqual(decodeReceipt(bundle.receipt).execution);
      const leafHash = sha256(leafPreimage(bundle.receipt));
      const claim = { leafHash, index, size: head.size, proof: bundle.proof, root: head.root };
      expect(await verifyInclusion(nodeSuite, claim)).toBe(true);
    }
    expect(journal.places(random(32))).toEqual([]);
    expect(() => journal.bundle({ log: fake.log, index: 23 })).toThrow('receipt_unknown');
  });

  it('keeps every head and proves any two consistent', async () => {
    for (const count of [3, 1, 4, 1, 5]) await journal.append(fake.log, fake.grow(blanks(count)).entries).durable;
    const heads = journal.heads(fake.log, 0, 100);
    expect(heads.map((head) => head.size)).toEqual([3, 4, 8, 9, 14]);
    expect(journal.heads(fake.log, 4, 2).map((head) => head.size)).toEqual([8, 9]);
    expect(journal.newestHead(fake.log)?.size).toBe(14);
    for (const [i, first] of heads.entries()) {
      for (const second of heads.slice(i)) {
        const claim = {
          first: first.size,
          firstRoot: decodeTreeHead(first.head).root,
          second: second.size,
          secondRoot: decodeTreeHead(second.head).root,
          proof: journal.consistency(fake.log, first.size, second.size),
        };
        expect(await verifyConsistency(nodeSuite, claim)).toBe(true);
      }
    }
    for (const [first, second] of [
      [0, 3],
      [4, 3],
      [3, 15],
    ] as const) {
      expect(() => journal.consistency(fake.log, first, second)).toThrow('size_unknown');
    }
  });

  it('keeps logs apart, and what a name stands for', async () => {
    const other = createFakeLog();
    await journal.openLog(other.ready);
    const requestId = random(32);
    await journal.append(fake.log, fake.grow([{ requestId }, {}]).entries).durable;
    await journal.append(other.log, other.grow([{ requestId }]).entries).durable;
    expect(journal.size(fake.log)).toBe(2);
    expect(journal.size(other.log)).toBe(1);
    expect(journal.places(requestId)).toHaveLength(2);
    expect(journal.logInfo(fake.log)).toEqual(fake.ready);
    expect(() => journal.logInfo(random(32))).toThrow('log_unknown');
    await journal.saveEvidence(fake.log, Uint8Array.of(1));
    await journal.saveEvidence(fake.log, Uint8Array.of(2));
    expect(journal.evidence(fake.log)).toEqual(Uint8Array.of(1));
  });

  it('has all of it after closing and opening again', async () => {
    const requestId = random(32);
    await journal.append(fake.log, fake.grow([{}, { requestId }, {}]).entries).durable;
    await journal.close();
    journal = openJournal(directory, { maxBytes: MAX_BYTES });
    expect(journal.size(fake.log)).toBe(3);
    expect(journal.bundle(journal.places(requestId)[0] as never).proof).toHaveLength(2);
    await journal.append(fake.log, fake.grow(blanks(2)).entries).durable;
    expect(journal.newestHead(fake.log)?.size).toBe(5);
  });

  it('commits what waits together, in order', async () => {
    const appended = Array.from({ length: 50 }, () => journal.append(fake.log, fake.grow(blanks(3)).entries));
    expect(await Promise.all(appended.map(({ durable }) => durable))).toEqual(
      Array.from({ length: 50 }, (_, i) => 3 * (i + 1)),
    );
  });
});

describe('what the journal refuses', () => {
  it('accepts the same entries again, alone or with new ones', async () => {
    const first = fake.grow(blanks(4)).entries;
    const second = fake.grow(blanks(2)).entries;
    await journal.append(fake.log, first).durable;
    expect(await journal.append(fake.log, first).durable).toBe(4);
    const both = { ...second, from: 0, receipts: [...first.receipts, ...second.receipts] };
    const executions = [...first.executions, ...second.executions];
    expect(await journal.append(fake.log, { ...both, executions }).durable).toBe(6);
    expect(await journal.append(fake.log, first).durable).toBe(6);
  });

  it('keeps both sides when a worker gives one index twice', async () => {
    const twin = sameSigner(fake);
    const { entries } = fake.grow(blanks(2));
    await journal.append(fake.log, entries).durable;
    const forked = twin.grow(blanks(2)).entries;
    expect(await refusal(fake.log, forked)).toBe('journal_conflict');
    expect(journal.conflicts(fake.log)).toEqual([
      {
        position: 0,
        stored: entries.receipts[0],
        offered: forked.receipts[0],
        head: forked.head,
        signature: forked.signature,
        storedHead: concat(entries.head, entries.signature),
      },
    ]);
    expect(journal.size(fake.log)).toBe(2);
    expect(journal.newestHead(fake.log)?.head).toEqual(entries.head);
  });

  it('keeps a signed head whose root is not that of the receipts', async () => {
    const { entries } = fake.grow(blanks(3));
    const lie = { ...entries, ...fake.signHead(3, random(32)) };
    expect(await refusal(fake.log, lie)).toBe('journal_conflict');
    expect(journal.conflicts(fake.log)).toMatchObject([{ position: 3, storedHead: null }]);
    expect(journal.size(fake.log)).toBe(0);
    expect(journal.places(decodeReceipt(entries.receipts[0] as Uint8Array).requestId)).toEqual([]);
    expect(await refusal(fake.log, entries)).toBe('accepted');
    const secondRoot = { ...entries, receipts: [], executions: [], from: 3, ...fake.signHead(3, random(32)) };
    expect(await refusal(fake.log, secondRoot)).toBe('journal_conflict');
    expect(journal.conflicts(fake.log)[1]?.storedHead).toEqual(concat(entries.head, entries.signature));
  });

  it('keeps a bounded number of conflicts', async () => {
    const { entries } = fake.grow(blanks(1));
    for (let i = 0; i < 70; i++) {
      expect(await refusal(fake.log, { ...entries, ...fake.signHead(1, random(32)) })).toBe('journal_conflict');
    }
    expect(journal.conflicts(fake.log)).toHaveLength(64);
  });

  it('refuses a gap, and fails alone in a common commit', async () => {
    const first = fake.grow(blanks(1)).entries;
    const second = fake.grow(blanks(1)).entries;
    const third = fake.grow(blanks(1)).entries;
    const results = await Promise.all([
      refusal(fake.log, first),
      refusal(fake.log, third),
      refusal(fake.log, second),
      refusal(fake.log, third),
    ]);
    expect(results).toEqual(['accepted', 'journal_gap', 'accepted', 'accepted']);
  });

  it.each<[string, (entries: Entries) => Partial<Entries>]>([
    ['a signature that does not hold', () => ({ signature: random(64) })],
    ['a signature with a high s', (entries) => ({ signature: highS(entries.signature) })],
    ['a head of another log', () => createFakeLog().grow(blanks(2)).entries],
    [
      'a head that covers more',
      (entries) => ({ receipts: entries.receipts.slice(1), executions: entries.executions.slice(1) }),
    ],
    ['receipts in another order', (entries) => ({ receipts: entries.receipts.toReversed() })],
    ['a receipt cut short', (entries) => ({ receipts: entries.receipts.map((receipt) => receipt.slice(1)) })],
    ['a foreign execution', (entries) => ({ executions: entries.executions.map(() => random(40)) })],
    ['a missing execution', (entries) => ({ executions: entries.executions.slice(1) })],
    ['a head that is not one', () => ({ head: new Uint8Array(192) })],
  ])('refuses %s', async (_, change) => {
    const { entries } = fake.grow(blanks(2));
    expect(await refusal(fake.log, { ...entries, ...change(entries) })).toBe('journal_invalid');
    expect(journal.size(fake.log)).toBe(0);
  });

  it('refuses an unknown log, and a name that stands for something else', async () => {
    const other = createFakeLog();
    expect(await refusal(other.log, other.grow(blanks(1)).entries)).toBe('log_unknown');
    await expect(journal.openLog({ ...other.ready, configuration: random(9) })).rejects.toMatchObject({
      code: 'journal_invalid',
    });
    await expect(journal.openLog({ ...other.ready, runtime: random(9) })).rejects.toMatchObject({
      code: 'journal_invalid',
    });
    await expect(journal.openLog({ ...other.ready, identity: random(320) })).rejects.toMatchObject({
      code: 'journal_invalid',
    });
  });

  it('says that it is full, keeps what it has, and goes on with more room', async () => {
    await journal.close();
    const tight = { maxBytes: 1_000_000 };
    journal = openJournal(directory, tight);
    let stored = 0;
    let last = fake.grow(blanks(100)).entries;
    for (;;) {
      const outcome = await refusal(fake.log, last);
      if (outcome === 'journal_full') break;
      expect(outcome).toBe('accepted');
      stored = fake.size;
      last = fake.grow(blanks(100)).entries;
    }
    expect(stored).toBeGreaterThan(0);
    expect(await refusal(fake.log, last)).toBe('journal_full');
    expect(journal.size(fake.log)).toBe(stored);
    expect(journal.bundle({ log: fake.log, index: stored - 1 }).receipt).toHaveLength(416);
    await journal.close();
    journal = openJournal(directory, { maxBytes: MAX_BYTES });
    expect(await refusal(fake.log, last)).toBe('accepted');
  });

  it('refuses after it was closed', async () => {
    await journal.close();
    await expect(journal.openLog(fake.ready)).rejects.toMatchObject({ code: 'journal_closed' });
    journal = openJournal(directory, { maxBytes: MAX_BYTES });
  });
});

describe('a file that is no journal', () => {
  it.each([
    ['zeros, as a new file may read after a power cut', new Uint8Array(8_192)],
    ['a few bytes', new Uint8Array(100).fill(7)],
    ['pages of something else', new Uint8Array(8_192).fill(7)],
  ])('is refused, where lmdb would end the process: %s', async (_, content) => {
    const other = join(directory, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'data.mdb'), content);
    expect(() => openJournal(other, { maxBytes: MAX_BYTES })).toThrow('journal_failed');
  });

  it('is replaced when it is empty, and so is a journal that was never finished', async () => {
    const other = join(directory, 'other');
    mkdirSync(join(other, 'new'), { recursive: true });
    writeFileSync(join(other, 'new', 'data.mdb'), new Uint8Array(8_192));
    writeFileSync(join(other, 'data.mdb'), new Uint8Array(0));
    const opened = openJournal(other, { maxBytes: MAX_BYTES });
    expect(await opened.openLog(fake.ready)).toEqual(fake.log);
    await opened.close();
    expect(readdirSync(other).sort()).toEqual(['ahead-0', 'ahead-1', 'data.mdb', 'lock.mdb']);
    const again = openJournal(other, { maxBytes: MAX_BYTES });
    expect(again.logs(9)).toEqual([fake.log]);
    await again.close();
  });
});

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function highS(signature: Uint8Array): Uint8Array {
  const s = ORDER - BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  return concat(signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex'));
}

function blanks(count: number): readonly Record<string, never>[] {
  return Array.from({ length: count }, () => ({}));
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from([...a, ...b]);
}

/** A second tree under the same key and name: what an equivocating worker would have. */
function sameSigner(original: FakeLog): { grow(receipts: readonly Record<string, never>[]): { entries: Entries } } {
  return {
    grow(receipts) {
      const own = createFakeLog();
      const { entries } = own.grow(receipts.map(() => blankReceipt()));
      const { size, root } = decodeTreeHead(entries.head);
      return { entries: { ...entries, ...original.signHead(size, root) } };
    },
  };
}
