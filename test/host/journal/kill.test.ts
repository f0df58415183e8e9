import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal } from '../../../host/journal/index.ts';
import { decodeReceipt } from '../../../wire/message/receipt.ts';

const WRITER = join(import.meta.dirname, '../support/writer.ts');
const MAX_BYTES = 256 * 1024 * 1024;

interface Line {
  readonly log?: string;
  readonly size?: number;
  readonly receipts?: readonly string[];
  readonly failed?: string;
  readonly recovered?: number;
}

let directory: string;
let child: ChildProcessWithoutNullStreams | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-kill-'));
});

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function startWriter(
  limit: string,
  mode: 'durable' | 'ahead' = 'durable',
): {
  readonly lines: AsyncIterable<Line>;
  readonly process: ChildProcessWithoutNullStreams;
} {
  const started = spawn('bash', [
    '-c',
    `${limit} exec node --import tsx "$@"`,
    'writer',
    WRITER,
    directory,
    `${MAX_BYTES}`,
    mode,
  ]);
  child = started;
  const lines = createInterface({ input: started.stdout });
  return {
    process: started,
    lines: (async function* () {
      for await (const line of lines) yield JSON.parse(line) as Line;
    })(),
  };
}

function expectAllStored(log: string, written: readonly string[]): void {
  const journal = openJournal(directory, { maxBytes: MAX_BYTES });
  const name = Uint8Array.from(Buffer.from(log, 'hex'));
  expect(journal.size(name)).toBeGreaterThanOrEqual(written.length);
  for (const [index, receipt] of written.entries()) {
    const bundle = journal.bundle({ log: name, index });
    expect(Buffer.from(bundle.receipt).toString('hex')).toBe(receipt);
    expect(journal.places(decodeReceipt(bundle.receipt).requestId)).toEqual([{ log: name, index }]);
  }
}

describe('A7: nothing that was reported as written is lost', () => {
  it.each([20, 60, 110])('kill -9 %i ms after the first commit', async (milliseconds) => {
    const { lines, process } = startWriter('');
    let log = '';
    const written: string[] = [];
    for await (const line of lines) {
      log = line.log ?? log;
      written.push(...(line.receipts ?? []));
      if (line.size === 1) setTimeout(() => process.kill('SIGKILL'), milliseconds);
    }
    expect(written.length).toBeGreaterThan(0);
    expectAllStored(log, written);
  });

  it.each([20, 60, 110])('kill -9 %i ms after the first answer, which waited for no disk', async (milliseconds) => {
    const { lines, process } = startWriter('', 'ahead');
    let log = '';
    const written: string[] = [];
    for await (const line of lines) {
      log = line.log ?? log;
      written.push(...(line.receipts ?? []));
      if (line.size === 1) setTimeout(() => process.kill('SIGKILL'), milliseconds);
    }
    expect(written.length).toBeGreaterThan(0);
    expectAllStored(log, written);
    // Taken once, and for good: the next start finds it all in its place.
    expectAllStored(log, written);
  });

  it('a full disk (here: a file size limit) is a typed error, and room made later is enough to go on', async () => {
    // 512-byte or 1024-byte blocks, by shell; either way far below the loop's appetite.
    const { lines, process } = startWriter('ulimit -S -f 600;');
    let log = '';
    let failed = '';
    const written: string[] = [];
    for await (const line of lines) {
      log = line.log ?? log;
      written.push(...(line.receipts ?? []));
      if (line.failed !== undefined) {
        failed = line.failed;
        execFileSync('prlimit', ['--pid', `${process.pid}`, '--fsize=unlimited']);
      }
      if (line.recovered !== undefined) process.kill('SIGKILL');
    }
    // The write that meets the limit half-way is an input/output error; on a disk that is really full it is known as such.
    expect(['journal_full', 'journal_failed']).toContain(failed);
    expectAllStored(log, written);
  });
});
