import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportLog, verifyExport } from '../../../host/journal/export.ts';
import { type Journal, openJournal, type Place } from '../../../host/journal/index.ts';
import { openEnvironment } from '../../../host/journal/lmdb.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { Entries } from '../../../wire/message/link.ts';
import { decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import { verifyConsistency, verifyInclusion } from '../../../wire/tree/index.ts';
import { createFakeLog, type FakeLog, random } from '../../support/fake-log.ts';

let directory: string;
let journal: Journal;
let fake: FakeLog;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-growth-'));
  journal = openJournal(directory, { maxBytes: 2 ** 28 });
  fake = createFakeLog();
  await journal.openLog(fake.ready);
});

afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

function entries(count: number): Entries {
  return fake.grow(Array.from({ length: count }, () => ({}))).entries;
}

/** Together: what is appended in one turn is committed at once. */
async function appendAll(list: readonly Entries[]): Promise<readonly string[]> {
  const outcomes = list.map(({ ...one }) =>
    journal.append(fake.log, one).durable.then(
      (size) => String(size),
      (error: { readonly code: string }) => error.code,
    ),
  );
  await journal.caughtUp();
  return Promise.all(outcomes);
}

const forged = (from: Entries): Entries => ({ ...from, signature: random(64) });

describe('entries that are committed together', () => {
  it('stand on the last head that was signed, and a head between them that was not is shown to nobody', async () => {
    const [first, second, third] = [entries(3), entries(4), entries(5)];
    expect(await appendAll([first, forged(second), third])).toEqual(['3', '7', '12']);
    expect(journal.heads(fake.log, 0, 9).map(({ size }) => size)).toEqual([3, 12]);
    const { newest } = await verifyExport(exportLog(journal, fake.log));
    expect(newest?.size).toBe(12);
  });

  it('fall alone where the last of them is not signed', async () => {
    const [first, second, third] = [entries(3), entries(4), entries(5)];
    expect(await appendAll([first, second, forged(third)])).toEqual(['3', '7', 'journal_invalid']);
    expect(journal.size(fake.log)).toBe(7);
    expect(await appendAll([third])).toEqual(['12']);
    expect(journal.heads(fake.log, 0, 9).map(({ size }) => size)).toEqual([3, 7, 12]);
  });

  it('are no evidence against a worker that did not sign them', async () => {
    const [first, second] = [entries(3), entries(4)];
    const other = createFakeLog().grow(second.receipts.map(() => ({}))).entries;
    const lie = { ...second, head: fake.signHead(7, decodeTreeHead(other.head).root).head };
    expect(await appendAll([first, lie])).toEqual(['3', 'journal_invalid']);
    expect(journal.conflicts(fake.log)).toEqual([]);
  });

  it('are compared with what came just before them: a second story in one commit is kept as evidence', async () => {
    const [first] = [entries(3)];
    const other = createFakeLog().grow([{}, {}, {}]).entries;
    const { size, root } = decodeTreeHead(other.head);
    const twin = { ...other, ...fake.signHead(size, root) };
    expect(await appendAll([first, twin, entries(1)])).toEqual(['3', 'journal_conflict', '4']);
    expect(journal.conflicts(fake.log)).toMatchObject([
      {
        position: 0,
        stored: first.receipts[0],
        offered: twin.receipts[0],
        storedHead: concatBytes(first.head, first.signature),
      },
    ]);
  });
});

describe('a tree of several tiles', () => {
  it('is the same however it came, proves every leaf and any two heads, and gives its tiles', async () => {
    const receipts: Uint8Array[] = [];
    const append = async (counts: readonly number[]): Promise<void> => {
      const list = counts.map(entries);
      receipts.push(...list.flatMap((one) => one.receipts));
      await appendAll(list);
    };
    await append([1, 62, 2]);
    await append([190]);
    // Neither here nor there is anything remembered of the tree.
    await journal.close();
    journal = openJournal(directory, { maxBytes: 2 ** 28 });
    await append([1, 1]);
    await append([300, 210]);
    const leaves = receipts.map((receipt) => sha256(leafPreimage(receipt)));
    const newest = journal.newestHead(fake.log);
    const { root } = decodeTreeHead(newest?.head as Uint8Array);
    for (const index of [0, 1, 62, 63, 64, 65, 127, 254, 255, 256, 257, 511, 512, 766]) {
      const { receipt, proof } = journal.bundle({ log: fake.log, index });
      expect(receipt).toEqual(receipts[index]);
      const claim = { leafHash: leaves[index] as Uint8Array, index, size: 767, proof, root };
      expect(await verifyInclusion(nodeSuite, claim)).toBe(true);
    }
    for (const { size, head } of journal.heads(fake.log, 0, 99)) {
      const proof = journal.consistency(fake.log, size, 767);
      const roots = { firstRoot: decodeTreeHead(head).root, secondRoot: root };
      expect(await verifyConsistency(nodeSuite, { first: size, second: 767, ...roots, proof })).toBe(true);
    }
    expect(journal.tile(fake.log, { level: 0, index: 1, width: 256 })).toEqual(leaves.slice(256, 512));
    expect(journal.tile(fake.log, { level: 0, index: 2, width: 256 })).toEqual(leaves.slice(512));
    expect(journal.tile(fake.log, { level: 1, index: 0, width: 2 })).toHaveLength(2);
    expect(journal.tile(fake.log, { level: 1, index: 0, width: 3 })).toHaveLength(2);
    const head = journal.heads(fake.log, 254, 1)[0];
    expect(journal.entries(fake.log, 60, head as never).receipts).toEqual(receipts.slice(60, 255));
  });
});

describe('the list of requests', () => {
  it('has every receipt of a request, listed or not, in all logs, before and after a start', async () => {
    const requestId = random(32);
    const other = createFakeLog();
    await journal.openLog(other.ready);
    const others = other.grow([{}, { requestId }, {}]).entries;
    const { durable } = journal.append(other.log, others);
    await journal.caughtUp();
    await durable;
    const used = new Set([0, 4_095, 4_096, 4_999, 9_100]);
    const append = async (end: number): Promise<void> => {
      const ids = Array.from({ length: end - fake.size }, (_, i) => (used.has(fake.size + i) ? { requestId } : {}));
      await appendAll([fake.grow(ids).entries]);
    };
    const inOrder = (places: readonly Place[]): readonly Place[] =>
      [...places].sort((a, b) => Buffer.compare(a.log, b.log) || a.index - b.index);
    const expected = (size: number): readonly Place[] =>
      inOrder([
        { log: other.log, index: 1 },
        ...[...used].filter((index) => index < size).map((index) => ({ log: fake.log, index })),
      ]);
    for (const size of [1, 4_000, 4_097, 5_000, 9_000, 9_200]) {
      await append(size);
      expect(journal.places(requestId)).toEqual(expected(size));
    }
    await journal.close();
    journal = openJournal(directory, { maxBytes: 2 ** 28 });
    expect(journal.places(requestId)).toEqual(expected(9_200));
    await append(9_300);
    expect(journal.places(requestId)).toEqual(expected(9_300));
    expect(journal.places(random(32))).toEqual([]);
  });

  it('shows so many of a request and no more', async () => {
    const requestId = random(32);
    for (const count of [10, 4_100, 10]) {
      await appendAll([fake.grow(Array.from({ length: count }, () => ({ requestId }))).entries]);
      expect(journal.places(requestId)).toEqual(
        Array.from({ length: Math.min(16, fake.size) }, (_, index) => ({ log: fake.log, index })),
      );
    }
  });
});

describe('a journal of an earlier version', () => {
  it('is refused by name, and left as it is', async () => {
    const old = join(directory, 'old');
    const environment = openEnvironment(old, 4);
    const logs = environment.openDB({ name: 'logs', encoding: 'binary', keyEncoding: 'binary' });
    await logs.put(random(32), Uint8Array.of(1));
    await environment.close();
    for (let i = 0; i < 2; i++) expect(() => openJournal(old, { maxBytes: 2 ** 28 })).toThrow('journal_outdated');
  });
});
