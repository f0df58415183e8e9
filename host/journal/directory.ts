import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
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

/**
 * Whether a process has it open, as far as the kernel lets this one see: LMDB keeps a lock on its file for as long. Another
 * process that opens the journal takes up what was left ahead of the disk, which is not yet left while its writer lives.
 */
export function isOpenElsewhere(directory: string): boolean {
  const lock = join(directory, LOCK);
  if (!existsSync(lock) || !existsSync('/proc/locks')) return false;
  const inode = String(statSync(lock).ino);
  const files = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .map((line) => line.split(/\s+/).find((field) => /^[0-9a-f]+:[0-9a-f]+:[0-9]+$/.test(field)));
  return files.some((file) => file?.split(':')[2] === inode);
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
