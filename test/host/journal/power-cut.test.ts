import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Journal, openJournal } from '../../../host/journal/index.ts';
import { equalBytes } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { decodeEntries, decodeReadyInfo, type Entries, type ReadyInfo } from '../../../wire/message/link.ts';
import { decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import { createFrontier, verifyConsistency, verifyInclusion } from '../../../wire/tree/index.ts';
import { type Disk, type Fate, fates, replay } from './power/disk.ts';
import { type Call, hasCompiler, recordRun } from './power/recording.ts';

const BATCHES = 120;
const CUTS = 200;
/** Receipts that are looked for by their requests after a cut; all of them are read. */
const SOUGHT = 24;
/** Another seed gives other cuts; a failure names the seed and the cut. */
const SEED = Number(process.env['PROOFMARK_POWER_SEED'] ?? 1);
const MAX_BYTES = 2 ** 28;
/** What is in it after a cut is worth nothing, and LMDB must not mind. */
const LOCK = 'journal/lock.mdb';

/** In memory where there is such a place: what is restored need not reach a disk once more. */
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'proofmark-power-'));
let calls: readonly Call[] = [];

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** All that was ever said, each with the event that it was said in. */
interface Notes {
  readonly ready: ReadyInfo;
  readonly openedAt: number;
  readonly offered: readonly { readonly at: number; readonly entries: Entries }[];
  readonly durable: readonly { readonly at: number; readonly size: number }[];
}

function readNotes(): Notes {
  const file = calls.find((call) => call.kind === 'open' && call.path === 'notes') as { readonly file: number };
  const lines = calls.flatMap((call, at) =>
    call.kind === 'write' && call.file === file.file
      ? [{ at, ...(JSON.parse(Buffer.from(call.bytes).toString()) as Readonly<Record<string, string>>) }]
      : [],
  ) as readonly { readonly at: number; readonly [name: string]: unknown }[];
  const bytes = (text: unknown): Uint8Array => Uint8Array.from(Buffer.from(text as string, 'base64'));
  return {
    ready: decodeReadyInfo(bytes(lines.find((line) => 'ready' in line)?.['ready'])),
    openedAt: lines.find((line) => 'opened' in line)?.at as number,
    offered: lines
      .filter((line) => 'offered' in line)
      .map(({ at, offered }) => ({ at, entries: decodeEntries(bytes(offered)) })),
    durable: lines.filter((line) => 'durable' in line).map(({ at, durable }) => ({ at, size: durable as number })),
  };
}

function restore(disk: Disk, random: () => number): string {
  const folder = mkdtempSync(join(scratch, 'disk-'));
  for (const path of disk.folders) mkdirSync(join(folder, path), { recursive: true });
  for (const [path, content] of disk.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), path === LOCK ? content.map(() => Math.floor(random() * 256)) : content);
  }
  return folder;
}

/** Opens what is left, as a host does, and throws when anything that was promised before the cut is not there. */
async function recover(folder: string, notes: Notes, cut: number, random: () => number): Promise<void> {
  const durable = Math.max(0, ...notes.durable.map(({ at, size }) => (at < cut ? size : 0)));
  const receipts = notes.offered.flatMap(({ entries }) => entries.receipts);
  const offered = notes.offered.reduce((sum, { at, entries }) => sum + (at < cut ? entries.receipts.length : 0), 0);
  const journal = openJournal(join(folder, 'journal'), { maxBytes: MAX_BYTES });
  try {
    if (notes.openedAt < cut && journal.logs(8).length !== 1) throw new Error('lost: a log that was opened');
    const log = await journal.openLog(notes.ready);
    const size = journal.size(log);
    if (size < durable) throw new Error(`lost: ${durable} leaves were acknowledged, ${size} are there`);
    if (size > offered) throw new Error('invented: more leaves than were ever offered');
    await checkContent(journal, log, receipts.slice(0, size), 0, random);
    // The worker still has what it was not told about, and sends it again.
    const unheard = notes.offered.filter(({ entries }) => entries.from + entries.receipts.length > durable);
    const again = unheard.map(({ entries }) => journal.append(log, entries).durable);
    await journal.caughtUp();
    await Promise.all(again);
    await checkContent(journal, log, receipts, size, random);
  } finally {
    await journal.close();
  }
}

async function checkContent(
  journal: Journal,
  log: Uint8Array,
  expected: readonly Uint8Array[],
  from: number,
  random: () => number,
): Promise<void> {
  const size = expected.length;
  if (size === 0) return;
  const newest = journal.newestHead(log);
  if (newest === undefined) throw new Error('lost: the newest head');
  for (const [offset, receipt] of journal.entries(log, from, newest).receipts.entries()) {
    if (!equalBytes(receipt, expected[from + offset] as Uint8Array))
      throw new Error(`changed: receipt ${from + offset}`);
  }
  for (let i = 0; i < SOUGHT; i++) {
    const index = Math.floor(random() * size);
    const places = journal.places((expected[index] as Uint8Array).slice(0, 32));
    if (places.length !== 1 || places[0]?.index !== index) throw new Error(`not found: receipt ${index}`);
  }
  const tree = createFrontier();
  tree.append(expected.map((receipt) => sha256(leafPreimage(receipt))));
  const head = decodeTreeHead(newest.head);
  if (head.size !== size || !equalBytes(head.root, tree.root())) throw new Error('the head is not that of the leaves');
  const index = Math.floor(random() * size);
  const { receipt, proof } = journal.bundle({ log, index });
  const claim = { leafHash: sha256(leafPreimage(receipt)), index, size, proof, root: head.root };
  if (!(await verifyInclusion(nodeSuite, claim))) throw new Error(`unproven: receipt ${index}`);
  const heads = journal.heads(log, 0, BATCHES + 1);
  const older = heads[Math.floor(random() * heads.length)] as (typeof heads)[number];
  const consistent = await verifyConsistency(nodeSuite, {
    first: older.size,
    firstRoot: decodeTreeHead(older.head).root,
    second: size,
    secondRoot: head.root,
    proof: journal.consistency(log, older.size, size),
  });
  if (!consistent) throw new Error(`inconsistent: the head of size ${older.size}`);
}

/** What went wrong at each of these cuts. */
async function cutAt(
  cuts: readonly { readonly count: number; readonly fate: Fate }[],
  syncs: 'kept' | 'forgotten',
): Promise<readonly string[]> {
  const random = generator(SEED + 1);
  const notes = readNotes();
  const machine = replay(calls, syncs);
  const failures: string[] = [];
  for (const { count, fate } of cuts.toSorted((a, b) => a.count - b.count)) {
    machine.advanceTo(count);
    const folder = restore(machine.cut(fate, random), random);
    try {
      await recover(folder, notes, count, random);
    } catch (error) {
      failures.push(`seed ${SEED}, cut after ${count}, ${fate}: ${String(error)}`);
    }
    rmSync(folder, { recursive: true });
  }
  return failures;
}

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.skipIf(!hasCompiler())('A7: a power cut at any moment (skipped without gcc)', { timeout: 120_000 }, () => {
  beforeAll(() => {
    const folder = join(scratch, 'recorded');
    mkdirSync(folder);
    calls = recordRun('writer.ts', folder, scratch, [`${BATCHES}`]);
  });

  it('was recorded without a hole: no change but by calls that the recording follows', () => {
    expect(calls.filter(({ kind }) => kind === 'unfollowed')).toEqual([]);
    const mapped = new Set(
      calls.flatMap((call) => (call.kind === 'mapped' || call.kind === 'resize' ? [call.file] : [])),
    );
    // The data itself is neither mapped for writing nor cut: only the lock is, and what was written ahead.
    const others = calls.flatMap((call) =>
      call.kind === 'open' && /(lock\.mdb|ahead-[01])$/.test(call.path) ? [call.file] : [],
    );
    expect(others).toEqual(expect.arrayContaining([...mapped]));
    expect(mapped.size).toBeGreaterThan(0);
    expect(calls.filter(({ kind }) => kind === 'synced').length).toBeGreaterThan(50);
    const { offered, durable } = readNotes();
    expect(offered).toHaveLength(BATCHES);
    const leaves = offered.reduce((sum, { entries }) => sum + entries.receipts.length, 0);
    expect(durable.at(-1)?.size).toBe(leaves);
  });

  it('loses nothing that was acknowledged, at 200 random points', async () => {
    const random = generator(SEED);
    const cuts = Array.from({ length: CUTS }, (_, i) => ({
      count: Math.floor(random() * (calls.length + 1)),
      fate: fates[i % fates.length] as Fate,
    }));
    expect(await cutAt(cuts, 'kept')).toEqual([]);
  });

  it('comes back from a cut after each event of its making', async () => {
    const random = generator(SEED + 2);
    const cuts = Array.from({ length: readNotes().openedAt }, (_, count) => ({
      count,
      fate: fates[Math.floor(random() * fates.length)] as Fate,
    }));
    expect(await cutAt(cuts, 'kept')).toEqual([]);
  });

  it('would notice: a disk that forgets what it was told to sync does lose acknowledged leaves', async () => {
    const late = Array.from({ length: 5 }, (_, i) => ({ count: calls.length - 20 * i, fate: 'nothing' as const }));
    const failures = await cutAt(late, 'forgotten');
    expect(failures).toHaveLength(late.length);
    expect(failures.every((failure) => failure.includes('lost: '))).toBe(true);
  });
});
