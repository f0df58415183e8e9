import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ahead, openAhead } from '../../../host/journal/ahead.ts';
import { openJournal } from '../../../host/journal/index.ts';
import { encodeEntries } from '../../../wire/message/link.ts';
import { createFakeLog, random } from '../../support/fake-log.ts';

let directory: string;
let opened: Ahead[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pm-ahead-'));
  opened = [];
});
afterEach(() => {
  for (const ahead of opened) ahead.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(): Ahead {
  const ahead = openAhead(directory);
  opened.push(ahead);
  return ahead;
}

const log = new Uint8Array(32).fill(7);
const record = (length: number): Uint8Array => random(length);
const sizes = (): readonly number[] => ['ahead-0', 'ahead-1'].map((name) => statSync(join(directory, name)).size);

describe('what is written ahead', () => {
  it('is found again by the next process, whole and in its order', () => {
    const first = open();
    const records = [record(1), record(70_000), record(0), record(500)];
    for (const entries of records) first.write(log, entries);
    expect(open().left).toEqual(records.map((entries) => ({ log, entries })));
  });

  it('is found up to the first that is not whole, wherever it was cut', () => {
    open().write(log, record(40));
    const [whole = 0] = sizes();
    open().write(log, record(40));
    const [both = 0] = sizes();
    for (let end = both; end >= 0; end--) {
      truncateSync(join(directory, 'ahead-0'), end);
      expect(open().left).toHaveLength(end === both ? 2 : end >= whole ? 1 : 0);
    }
  });

  it('is not found where its bytes are others, or its length is none', () => {
    const ahead = open();
    ahead.write(log, record(40));
    for (const remains of [Uint8Array.of(0, 0, 0, 1), new Uint8Array(200), new Uint8Array(200).fill(0xff)]) {
      appendFileSync(join(directory, 'ahead-0'), remains);
      expect(open().left).toHaveLength(1);
    }
  });

  it('gives its room back once it is synced elsewhere, and never before', () => {
    const ahead = open();
    const large = record(3_000_000);
    const marks = Array.from({ length: 3 }, () => ahead.write(log, large));
    // Past its share: the other file takes over.
    const later = ahead.write(log, large);
    for (const mark of marks) {
      expect(sizes()[0]).toBeGreaterThan(8_000_000);
      mark.done();
    }
    expect(sizes()).toEqual([0, expect.any(Number)]);
    later.done();
    expect(sizes()).toEqual([0, 0]);
  });
});

describe('a disk that is full', () => {
  it('leaves no part of a record behind, so that those behind it are found', () => {
    // A file size limit stands for it: the write that meets it is taken in part, the next one not at all.
    const program = `
      import { execFileSync } from 'node:child_process';
      import { openAhead } from ${JSON.stringify(join(import.meta.dirname, '../../../host/journal/ahead.ts'))};
      process.on('SIGXFSZ', () => undefined);
      const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + bytes + ':unlimited']);
      const ahead = openAhead(process.argv[1]);
      const write = () => { try { ahead.write(new Uint8Array(32).fill(7), new Uint8Array(1_000).fill(1)); return 'taken'; } catch { return 'refused'; } };
      const said = [write()];
      limit(1_500);
      said.push(write(), write());
      limit('unlimited');
      said.push(write());
      console.log(said.join(' '));
    `;
    const said = execFileSync('node', ['--import', 'tsx', '--input-type=module', '-e', program, directory], {
      encoding: 'utf8',
    });
    expect(said.trim()).toBe('taken refused refused taken');
    expect(open().left).toHaveLength(2);
  });
});

describe('a journal that finds what was left', () => {
  it('takes what goes on from what it has, and nothing else of it', async () => {
    const fake = createFakeLog();
    const first = openJournal(directory, { maxBytes: 2 ** 26 });
    await first.openLog(fake.ready);
    await first.append(fake.log, fake.grow([{}, {}]).entries).durable;
    await first.close();
    const [next, then, missing, beyond] = [fake.grow([{}]), fake.grow([{}, {}]), fake.grow([{}]), fake.grow([{}])];
    const stranger = createFakeLog();
    const ahead = open();
    // Out of order, twice, with forged signatures, of a log that nobody opened, and nonsense.
    ahead.write(fake.log, encodeEntries(then.entries));
    ahead.write(fake.log, encodeEntries(next.entries));
    ahead.write(fake.log, encodeEntries(next.entries));
    ahead.write(fake.log, encodeEntries({ ...missing.entries, signature: random(64) }));
    ahead.write(fake.log, encodeEntries({ ...beyond.entries, signature: random(64) }));
    ahead.write(stranger.log, encodeEntries(stranger.grow([{}]).entries));
    ahead.write(fake.log, random(100));
    const second = openJournal(directory, { maxBytes: 2 ** 26 });
    expect(second.size(fake.log)).toBe(5);
    expect(second.conflicts(fake.log)).toEqual([]);
    expect(sizes()).toEqual([0, 0]);
    await second.append(fake.log, missing.entries).durable;
    expect(second.size(fake.log)).toBe(6);
    await second.close();
  });

  it.each(['beyond a gap', 'under a forged signature'])('keeps no room for what was refused: %s', async (which) => {
    const fake = createFakeLog();
    const journal = openJournal(directory, { maxBytes: 2 ** 26 });
    await journal.openLog(fake.ready);
    const next = fake.grow([{}]).entries;
    const entries = which === 'beyond a gap' ? fake.grow([{}]).entries : { ...next, signature: random(64) };
    for (let i = 0; i < 1_200; i++) journal.append(fake.log, entries, record(1_000)).durable.catch(() => undefined);
    await journal.caughtUp();
    expect(journal.size(fake.log)).toBe(0);
    expect(sizes()).toEqual([0, 0]);
    await journal.close();
  });

  it('says when everything that was appended can be read', async () => {
    const fake = createFakeLog();
    const journal = openJournal(directory, { maxBytes: 2 ** 26 });
    await journal.openLog(fake.ready);
    const { written } = journal.append(fake.log, fake.grow([{}]).entries);
    await written;
    await journal.caughtUp();
    expect(journal.size(fake.log)).toBe(1);
    await journal.close();
  });
});
