import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportLog, importLog, verifyExport } from '../../../host/journal/export.ts';
import { type Journal, openJournal } from '../../../host/journal/index.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../../wire/codec/frame.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { decodeEntries, encodeEntries } from '../../../wire/message/link.ts';
import { createFakeLog, type FakeLog, random } from '../../support/fake-log.ts';

let directory: string;
let journal: Journal;
let log: FakeLog;
let bytes: Uint8Array;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-export-'));
  journal = openJournal(join(directory, 'one'), { maxBytes: 2 ** 28 });
  log = createFakeLog();
  await journal.openLog(log.ready);
  for (const count of [1, 7, 300, 2]) {
    await journal.append(log.log, log.grow(Array.from({ length: count }, () => ({}))).entries).durable;
  }
  await journal.saveEvidence(log.log, Uint8Array.of(1, 2, 3));
  bytes = concatBytes(...exportLog(journal, log.log));
});

afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

function framesOf(stream: Uint8Array): readonly Frame[] {
  const frames: Frame[] = [];
  createFrameReader(2 ** 25, (frame) => frames.push(frame)).push(stream);
  return frames;
}

/** Frames as a liar would write them: with an end that fits. */
function written(frames: readonly Frame[]): Uint8Array {
  const before = concatBytes(...frames.filter(({ kind }) => kind !== 5).map(encodeFrame));
  return concatBytes(before, encodeFrame({ id: 0, kind: 5, payload: sha256(before) }));
}

async function refusal(stream: Uint8Array): Promise<string> {
  return verifyExport([stream]).then(
    () => 'accepted',
    (error: { readonly code: string }) => error.code,
  );
}

describe('an exported log', () => {
  it('is verified away from the journal, in pieces of any size', async () => {
    for (const size of [1, 1_000, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const { log: name, ready, evidence, newest } = await verifyExport(pieces);
      expect({ name, ready, evidence }).toEqual({ name: log.log, ready: log.ready, evidence: Uint8Array.of(1, 2, 3) });
      expect(newest).toEqual(journal.newestHead(log.log));
    }
  });

  it('goes through a file into another journal, and comes out of it the same', async () => {
    const file = join(directory, 'log.export');
    await pipeline(Readable.from(exportLog(journal, log.log)), createWriteStream(file));
    expect(Uint8Array.from(readFileSync(file))).toEqual(bytes);
    const other = openJournal(join(directory, 'two'), { maxBytes: 2 ** 28 });
    try {
      await importLog(other, createReadStream(file, { highWaterMark: 777 }));
      expect(other.size(log.log)).toBe(310);
      expect(other.bundle({ log: log.log, index: 309 })).toEqual(journal.bundle({ log: log.log, index: 309 }));
      expect(concatBytes(...exportLog(other, log.log))).toEqual(bytes);
      // Once more changes nothing, and a journal that has a part of it takes the rest.
      await importLog(other, [bytes]);
      expect(other.size(log.log)).toBe(310);
    } finally {
      await other.close();
    }
  });

  it('is what the log was when it began, whatever is added meanwhile', async () => {
    const running = exportLog(journal, log.log);
    const first = running.next().value as Uint8Array;
    await journal.append(log.log, log.grow([{}, {}]).entries).durable;
    expect(concatBytes(first, ...running)).toEqual(bytes);
  });

  it('may be empty, and without evidence', async () => {
    const empty = createFakeLog();
    await journal.openLog(empty.ready);
    const stream = concatBytes(...exportLog(journal, empty.log));
    expect(await verifyExport([stream])).toMatchObject({ log: empty.log, newest: undefined });
    const other = openJournal(join(directory, 'two'), { maxBytes: 2 ** 28 });
    await importLog(other, [stream]);
    expect(other.logs(9)).toEqual([empty.log]);
    await other.close();
  });

  it('is refused of a log whose receipts were dropped, before a byte is written', async () => {
    await journal.close();
    journal = openJournal(join(directory, 'one'), { maxBytes: 2 ** 28, now: () => Date.now() + 10_000_000 });
    await journal.retain({ claimableMs: 0, receiptsMs: 0, logsMs: 'never', bytes: 'any' }, () => false);
    expect(() => exportLog(journal, log.log).next()).toThrow('receipt_dropped');
    expect(() => exportLog(journal, random(32)).next()).toThrow('log_unknown');
  });
});

describe('what is no export', () => {
  it('is noticed wherever one byte is changed', async () => {
    for (let at = 0; at < bytes.length; at += 1 + Math.floor(at / 40)) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x01;
      expect(await refusal(changed)).toMatch(/^(export|journal)_invalid$/);
    }
  });

  it('is noticed wherever it is cut off, and when more follows', async () => {
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(length / 40)) {
      expect(await refusal(bytes.subarray(0, length))).toBe('export_invalid');
    }
    expect(await refusal(concatBytes(bytes, Uint8Array.of(0)))).toBe('export_invalid');
    expect(await refusal(concatBytes(bytes, bytes))).toBe('export_invalid');
  });

  it.each<[string, (frames: readonly Frame[]) => readonly Frame[]]>([
    ['without its title', (frames) => frames.slice(1)],
    ['of another version', ([title, ...rest]) => [{ ...(title as Frame), payload: new Uint8Array(22) }, ...rest]],
    ['of another worker', (frames) => [frames[0] as Frame, readyOf(createFakeLog()), ...frames.slice(2)]],
    ['without a place for evidence', (frames) => frames.filter(({ kind }) => kind !== 3)],
    ['with entries left out', (frames) => frames.filter((_, i) => i !== 4)],
    ['with entries twice', (frames) => [...frames.slice(0, 5), ...frames.slice(4)]],
    ['with entries in another order', (frames) => [0, 1, 2, 4, 3, 5, 6].map((i) => frames[i] as Frame)],
    ['with an id', (frames) => frames.map((frame) => ({ ...frame, id: 1 }))],
    ['with a frame of another kind', (frames) => [...frames, { id: 0, kind: 9, payload: new Uint8Array(0) }]],
    ['with a head of another root', (frames) => frames.map((frame, i) => (i === 4 ? lied(frame) : frame))],
    [
      'with a head over nothing new',
      (frames) => [...frames.slice(0, 4), repeated(frames[3] as Frame), ...frames.slice(4)],
    ],
    ['with a foreign execution', (frames) => frames.map((frame, i) => (i === 3 ? reran(frame) : frame))],
  ])('is refused %s, though its end fits', async (_, change) => {
    expect(await refusal(written(framesOf(bytes)))).toBe('accepted');
    expect(await refusal(written(change(framesOf(bytes))))).toMatch(/^(export|journal)_invalid$/);
  });

  function readyOf(other: FakeLog): Frame {
    const empty = openFrames(other);
    return empty[1] as Frame;
  }

  function openFrames(other: FakeLog): readonly Frame[] {
    const fake: Pick<Journal, 'logInfo' | 'newestHead' | 'evidence'> = {
      logInfo: () => other.ready,
      newestHead: () => undefined,
      evidence: () => undefined,
    };
    return framesOf(concatBytes(...exportLog(fake as Journal, other.log)));
  }

  function lied(frame: Frame): Frame {
    const entries = decodeEntries(frame.payload);
    return { ...frame, payload: encodeEntries({ ...entries, ...log.signHead(8, random(32)) }) };
  }

  function repeated(frame: Frame): Frame {
    const entries = decodeEntries(frame.payload);
    return { ...frame, payload: encodeEntries({ ...entries, from: 1, receipts: [], executions: [] }) };
  }

  function reran(frame: Frame): Frame {
    const entries = decodeEntries(frame.payload);
    return { ...frame, payload: encodeEntries({ ...entries, executions: [random(40)] }) };
  }

  it('leaves its good beginning in the journal it was brought to, and nothing else', async () => {
    const other = openJournal(join(directory, 'two'), { maxBytes: 2 ** 28 });
    try {
      await expect(importLog(other, [bytes.subarray(0, bytes.length - 2_000)])).rejects.toMatchObject({
        code: 'export_invalid',
      });
      expect(other.size(log.log)).toBe(8);
      await importLog(other, [bytes]);
      expect(other.size(log.log)).toBe(310);
    } finally {
      await other.close();
    }
  });
});
