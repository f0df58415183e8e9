import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { JournalError } from './errors.ts';

/**
 * A journal is made beside its place and moved there when it is whole and synced. LMDB writes the first pages of a new
 * file without syncing them: a power cut at that moment would leave a file that no later start could open, nor replace.
 */
const UNFINISHED = 'new';
const DATA = 'data.mdb';
const LOCK = 'lock.mdb';

export interface JournalPlace {
  /** Where LMDB is to open or make its files. */
  readonly path: string;
  /** Called when the tables are there; after it, the journal survives a power cut. */
  publish(): void;
}

export function dataFile(directory: string): string {
  return join(directory, DATA);
}

export function openPlace(directory: string): JournalPlace {
  makeDurably(resolve(directory));
  const unfinished = join(directory, UNFINISHED);
  rmSync(unfinished, { recursive: true, force: true });
  if (existsSync(dataFile(directory)) && statSync(dataFile(directory)).size > 0) {
    checkMagic(dataFile(directory));
    return { path: directory, publish: () => syncFolder(directory) };
  }
  mkdirSync(unfinished, { mode: 0o700 });
  return {
    path: unfinished,
    publish() {
      renameSync(join(unfinished, LOCK), join(directory, LOCK));
      renameSync(join(unfinished, DATA), dataFile(directory));
      rmdirSync(unfinished);
      syncFolder(directory);
    },
  };
}

/** A folder is there after a power cut when its parent was synced; the same goes for every parent that was made. */
function makeDurably(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = directory; ; made = dirname(made)) {
    syncFolder(dirname(made));
    if (made === first) return;
  }
}

function syncFolder(directory: string): void {
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** What lmdb does with a file that is none of its own is to end the process, without a word. */
const MAGIC = Uint8Array.of(0xde, 0xc0, 0xef, 0xbe);
const MAGIC_OFFSET = 24;

function checkMagic(path: string): void {
  const file = openSync(path, 'r');
  const found = Buffer.alloc(MAGIC.length);
  try {
    readSync(file, found, 0, found.length, MAGIC_OFFSET);
  } finally {
    closeSync(file);
  }
  if (!found.equals(MAGIC)) throw new JournalError('journal_failed', 'the file of the journal is damaged, or is none');
}
