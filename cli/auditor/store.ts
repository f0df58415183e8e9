import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import {
  type CommitRecord,
  decodeCommitRecord,
  decodeFindingRecord,
  encodeCommitRecord,
  encodeFindingRecord,
  type FindingRecord,
} from '../../wire/message/finding-record.ts';

/** Which leaf of which log a record is about. */
export interface RecordPlace {
  readonly log: Uint8Array;
  readonly index: number;
  readonly leaf: Uint8Array;
}

/**
 * What an auditor has published, as files: an audit writes them, and whoever serves reads them. A commit is there before
 * its finding, whatever is killed when.
 */
export interface FindingStore {
  /** The number of the next audit, which no later one gets: a link that was used twice would let its auditor choose. */
  nextAudit(): Promise<number>;
  saveCommit(place: RecordPlace, record: CommitRecord): Promise<void>;
  saveFinding(place: RecordPlace, record: FindingRecord): Promise<void>;
  /** One that is committed to and not shown: it must survive whatever ends an audit, or the next would commit again. */
  seal(place: RecordPlace, record: FindingRecord): Promise<void>;
  /** Those that an earlier audit left. */
  sealed(log: Uint8Array): Promise<readonly FindingRecord[]>;
  unseal(place: RecordPlace): Promise<void>;
  finding(place: Pick<RecordPlace, 'log' | 'index'>): Promise<FindingRecord | undefined>;
  /** A page of them, by index, from the first after `after`. */
  commits(log: Uint8Array, after: number): Promise<readonly CommitRecord[]>;
  commitOf(log: Uint8Array, leaf: Uint8Array): Promise<CommitRecord | undefined>;
  findings(log: Uint8Array, after: number): Promise<readonly FindingRecord[]>;
}

type Kind = 'commits' | 'findings' | 'sealed';

const NAME = /^([0-9]{15})\.([0-9a-f]{64})\.json$/;
const DIGITS = 15;

export function openFindingStore(directory: string): FindingStore {
  const folderOf = (kind: Kind, log: Uint8Array): string => join(directory, kind, toHex(log));

  async function names(kind: Kind, log: Uint8Array): Promise<readonly string[]> {
    try {
      return (await readdir(folderOf(kind, log))).filter((name) => NAME.test(name)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  async function read(kind: Kind, log: Uint8Array, name: string): Promise<Uint8Array> {
    return Uint8Array.from(await readFile(join(folderOf(kind, log), name)));
  }

  async function page(kind: Kind, log: Uint8Array, after: number): Promise<readonly Uint8Array[]> {
    const later = (await names(kind, log)).filter((name) => indexOf(name) > after);
    return Promise.all(later.slice(0, limits.findingsPerPage).map((name) => read(kind, log, name)));
  }

  async function save(kind: Kind, place: RecordPlace, bytes: Uint8Array): Promise<void> {
    const folder = folderOf(kind, place.log);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await replace(join(folder, nameOf(place)), bytes);
  }

  return {
    async nextAudit() {
      const folder = join(directory, 'audits');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const taken = (await readdir(folder)).map(Number).filter(Number.isInteger);
      for (let next = 1 + Math.max(0, ...taken); ; next++) {
        if (await take(join(folder, String(next)))) return next;
      }
    },
    saveCommit: (place, record) => save('commits', place, encodeCommitRecord(record)),
    saveFinding: (place, record) => save('findings', place, encodeFindingRecord(record)),
    seal: (place, record) => save('sealed', place, encodeFindingRecord(record)),
    async sealed(log) {
      const left = await names('sealed', log);
      return Promise.all(left.map(async (name) => decodeFindingRecord(await read('sealed', log, name))));
    },
    unseal: (place) => rm(join(folderOf('sealed', place.log), nameOf(place)), { force: true }),
    async finding({ log, index }) {
      const name = (await names('findings', log)).find((found) => indexOf(found) === index);
      return name === undefined ? undefined : decodeFindingRecord(await read('findings', log, name));
    },
    commits: async (log, after) => (await page('commits', log, after)).map(decodeCommitRecord),
    async commitOf(log, leaf) {
      const name = (await names('commits', log)).find((found) => NAME.exec(found)?.[2] === toHex(leaf));
      return name === undefined ? undefined : decodeCommitRecord(await read('commits', log, name));
    },
    findings: async (log, after) => (await page('findings', log, after)).map(decodeFindingRecord),
  };
}

function nameOf({ index, leaf }: RecordPlace): string {
  return `${String(index).padStart(DIGITS, '0')}.${toHex(leaf)}.json`;
}

function indexOf(name: string): number {
  return Number(NAME.exec(name)?.[1]);
}

/** False where another audit was quicker. */
async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { mode: 0o600, flag: 'wx', flush: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whole or not at all, whoever reads meanwhile. */
export async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const made = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    await writeFile(made, bytes, { mode: 0o600, flag: 'wx', flush: true });
    await rename(made, path);
  } catch (error) {
    await rm(made, { force: true });
    throw error;
  }
}
