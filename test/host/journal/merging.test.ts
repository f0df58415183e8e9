import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  byPart,
  type Directory,
  directoryPut,
  ENTRY_BYTES,
  entryOf,
  FAN,
  LEVELS,
  partOf,
  partsOf,
  readDirectory,
  rowKey,
} from '../../../host/journal/lists.ts';
import { mergePuts } from '../../../host/journal/merging.ts';
import { requestRows } from '../../../host/journal/requests.ts';
import type { Put, StoreReader } from '../../../host/journal/store.ts';

const salt = random(32);
const log = random(32);
let rows: Map<string, Uint8Array>;

const reader: StoreReader = { get: (_, key) => rows.get(Buffer.from(key).toString('hex')) };

beforeEach(() => {
  rows = new Map();
});

function random(bytes: number): Uint8Array {
  return Uint8Array.from(randomBytes(bytes));
}

function apply(puts: readonly Put[]): void {
  for (const { key, value } of puts) {
    const name = Buffer.from(key).toString('hex');
    if (value === null) rows.delete(name);
    else rows.set(name, Uint8Array.from(value));
  }
}

/** A list as it is first written, of a few requests. */
function addList(requests: readonly Uint8Array[], from: number): void {
  const entries = requests.map((request, offset) => entryOf(request, from + offset));
  for (const [part, value] of byPart(salt, 0, entries)) {
    apply([{ table: 'requests', key: rowKey(log, { level: 0, part, from }), value }]);
  }
  const { lists, merging } = readDirectory(reader, log);
  const [lowest = [], ...higher] = lists;
  apply([directoryPut(log, { lists: [[...lowest, from], ...higher], merging })]);
}

function merge(added: number): Directory {
  const { puts, directory } = mergePuts({ salt }, reader, log, { directory: readDirectory(reader, log), added });
  apply([...puts, directoryPut(log, directory)]);
  return directory;
}

/** Where a request is found, and in how many rows it was looked for. */
function search(request: Uint8Array): { readonly places: readonly number[]; readonly read: number } {
  const places: number[] = [];
  let read = 0;
  for (let level = 0; level < LEVELS; level++) {
    const start = Buffer.from(rowKey(log, { level, part: partOf(salt, request, level), from: 0 })).toString('hex');
    for (const [name, value] of rows) {
      if (!name.startsWith(start.slice(0, -12))) continue;
      read += 1;
      for (let at = 0; at < value.length; at += ENTRY_BYTES) {
        if (Buffer.compare(value.subarray(at, at + 32), request) !== 0) continue;
        places.push(Buffer.from(value).readUIntBE(at + 32, 6));
      }
    }
  }
  return { places, read };
}

describe('lists of requests', () => {
  it('become longer ones without losing a request or finding it twice, at every moment', () => {
    const all: Uint8Array[] = [];
    const perList = 5;
    for (let list = 0; list < FAN * FAN + 3; list++) {
      const requests = Array.from({ length: perList }, () => random(32));
      addList(requests, all.length);
      all.push(...requests);
      // Odd amounts, so that merges are met half done.
      merge(64 * (list % 37));
      const place = (list * 7919) % all.length;
      expect(search(all[place] as Uint8Array).places).toEqual([place]);
    }
    let directory = readDirectory(reader, log);
    for (let commits = 0; directory.merging !== 'none'; commits++) {
      directory = merge(64 * 501);
      const place = (commits * 104_729) % all.length;
      expect(search(all[place] as Uint8Array).places).toEqual([place]);
      expect(commits).toBeLessThan(100);
    }
    expect(directory.lists.map((froms) => froms.length)).toEqual([3, 0, 1]);
    for (const [index, request] of all.entries()) {
      if (index % 41 === 0) expect(search(request)).toMatchObject({ places: [index] });
    }
    expect(search(random(32)).places).toEqual([]);
  });

  it('are never more than a search can read, with work that goes with what arrives', () => {
    const directory: Directory = { lists: [Array.from({ length: FAN }, (_, i) => i), [], []], merging: 'none' };
    apply([directoryPut(log, directory)]);
    const parts = partsOf(0);
    for (let part = 0; part < parts; part++) {
      expect(readDirectory(reader, log).lists[0]).toHaveLength(FAN);
      merge(1);
    }
    expect(readDirectory(reader, log)).toEqual({ lists: [[], [0], []], merging: 'none' });
    merge(1_000_000);
    expect(readDirectory(reader, log)).toEqual({ lists: [[], [0], []], merging: 'none' });
  });

  it('put the parts of a level into those of the next, whatever the request', () => {
    for (let i = 0; i < 2_000; i++) {
      const request = random(32);
      const parts = Array.from({ length: LEVELS }, (_, level) => partOf(salt, request, level));
      for (const [level, part] of parts.entries()) {
        expect(part).toBeLessThan(partsOf(level));
        if (level > 0) expect(Math.floor(part / FAN)).toBe(parts[level - 1]);
      }
    }
  });

  it('go with their log, half merged or not', () => {
    for (const added of [0, 64 * 100, 64 * 10_000]) {
      for (let list = 0; list < FAN + 2; list++) addList([random(32), random(32)], 2 * list);
      merge(added);
      expect(rows.size).toBeGreaterThan(1);
      apply([...requestRows(reader, log)]);
      expect(rows.size).toBe(0);
    }
  });
});
