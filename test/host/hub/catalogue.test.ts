import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCatalogue, type Entry, type Sees } from '../../../host/hub/catalogue.ts';
import { createHubGuard } from '../../../host/hub/http/guard.ts';
import { readPeople } from '../../../host/hub/publishers.ts';
import { pageOf, readSearch, search } from '../../../host/hub/search.ts';
import type { Store } from '../../../host/hub/store/store.ts';
import { createChallenges } from '../../../host/hub/uploads/challenges.ts';
import { checkRoom, type Wanted } from '../../../host/hub/uploads/room.ts';
import { limits } from '../../../wire/limits.ts';

let count = 0;
function entry(name: string, changes: Partial<Entry> = {}): Entry {
  const number = count++;
  return {
    number,
    publishedAt: number,
    modelId: number.toString(16).padStart(64, '0'),
    owner: 'aa'.repeat(64),
    namespace: 'acme',
    name,
    version: '1.0.0',
    kind: 'tensor',
    description: '',
    licence: 'MIT',
    task: '',
    tags: [],
    visibility: 'public',
    contents: new Map(),
    status: null,
    ...changes,
  };
}

const everybody: Sees = ({ visibility }) => visibility === 'public';
const yanked: Entry['status'] = {
  modelId: new Uint8Array(32),
  status: 'yanked',
  sequence: 1n,
  owner: new Uint8Array(64),
  signature: new Uint8Array(64),
};

function catalogueOf(...entries: readonly Entry[]): ReturnType<typeof createCatalogue> {
  const catalogue = createCatalogue();
  for (const each of entries) catalogue.set(each);
  return catalogue;
}

describe('the main version', () => {
  const main = (...entries: readonly Entry[]): string | undefined =>
    catalogueOf(...entries).main({ namespace: 'acme', name: 'm' }, everybody)?.version;
  const version = (text: string, changes: Partial<Entry> = {}): Entry => entry('m', { version: text, ...changes });

  it('is the newest that is finished and was not taken back', () => {
    expect(main(version('1.9.0'), version('1.10.0'), version('1.2.0'))).toBe('1.10.0');
    expect(main(version('1.0.0'), version('2.0.0-rc.1'))).toBe('1.0.0');
    expect(main(version('1.0.0'), version('2.0.0', { status: yanked }))).toBe('1.0.0');
    expect(main(version('1.0.0', { status: yanked }), version('2.0.0-rc.1'))).toBe('2.0.0-rc.1');
    expect(main(version('1.0.0'), version('2.0.0', { visibility: 'private' }))).toBe('1.0.0');
    expect(main(version('1.0.0', { status: yanked }))).toBeUndefined();
  });
});

describe('a version', () => {
  it('belongs to one release, by its namespace and by its key', () => {
    const catalogue = catalogueOf(entry('m'));
    const key = { namespace: 'acme', name: 'm', version: '1.0.0', owner: 'aa'.repeat(64), modelId: 'ff'.repeat(32) };
    expect(catalogue.isTaken(key)).toBe(true);
    expect(catalogue.isTaken({ ...key, owner: 'bb'.repeat(64) })).toBe(true);
    expect(catalogue.isTaken({ ...key, namespace: 'other' })).toBe(true);
    expect(catalogue.isTaken({ ...key, namespace: 'other', owner: 'bb'.repeat(64) })).toBe(false);
    expect(catalogue.isTaken({ ...key, version: '1.0.1' })).toBe(false);
  });
});

describe('a search', () => {
  const catalogue = catalogueOf(
    entry('one', { task: 'text-generation', tags: ['small', 'english'], description: 'Speaks NONSENSE' }),
    entry('two', { task: 'text-generation', tags: ['small'] }),
    entry('three', { namespace: 'other' }),
    entry('four', { visibility: 'private' }),
    entry('two', { version: '1.1.0', task: 'text-generation', tags: ['small'] }),
  );
  const found = (query: string): readonly string[] =>
    [...search(catalogue, readSearch(new URLSearchParams(query)), everybody)].map(
      ({ name, version }) => `${name} ${version}`,
    );

  it('goes by text, task, tags and namespace, all of them at once', () => {
    expect(found('')).toEqual(['two 1.1.0', 'three 1.0.0', 'one 1.0.0']);
    expect(found('q=nonsense')).toEqual(['one 1.0.0']);
    expect(found('q=ACME/t')).toEqual(['two 1.1.0']);
    expect(found('q=english')).toEqual(['one 1.0.0']);
    expect(found('task=text-generation&tag=small')).toEqual(['two 1.1.0', 'one 1.0.0']);
    expect(found('tag=small&tag=english')).toEqual(['one 1.0.0']);
    expect(found('namespace=other')).toEqual(['three 1.0.0']);
    expect(found('q=nothing')).toEqual([]);
    expect(found('q=four')).toEqual([]);
  });

  it('comes in pages that show every model once, whatever is published meanwhile', () => {
    const many = catalogueOf(...Array.from({ length: 7 }, (_, index) => entry(`m${index}`)));
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages++) {
      const wanted = readSearch(new URLSearchParams(`limit=3&cursor=${cursor}`));
      const { rows, next } = pageOf(search(many, wanted, everybody), wanted.limit);
      seen.push(...rows.map(({ name }) => name));
      many.set(entry(`new${pages}`));
      if (next === undefined) break;
      cursor = String(next);
    }
    expect(seen).toEqual(['m6', 'm5', 'm4', 'm3', 'm2', 'm1', 'm0']);
  });

  it('has pages of a bounded length', () => {
    expect(readSearch(new URLSearchParams('limit=1000000')).limit).toBe(limits.hubPage);
  });
});

describe('the rate of an address', () => {
  const from = (remoteAddress: string): IncomingMessage => ({ headers: {}, socket: { remoteAddress } }) as never;

  it('is less for what is dear, and comes back with time', () => {
    let now = 0;
    const rates = { dear: { burst: 2, perSecond: 1 }, cheap: { burst: 4, perSecond: 2 } };
    const guard = createHubGuard({ rates, trustedProxies: 0, now: () => now });
    for (const kind of ['change', 'search'] as const) guard.admit(from('192.0.2.1'), kind);
    expect(() => guard.admit(from('192.0.2.1'), 'change')).toThrow('rate_limited');
    for (const kind of ['file', 'read', 'transfer', 'file'] as const) guard.admit(from('192.0.2.1'), kind);
    expect(() => guard.admit(from('192.0.2.1'), 'file')).toThrow('rate_limited');
    guard.admit(from('192.0.2.2'), 'change');
    now += 1_000;
    guard.admit(from('192.0.2.1'), 'change');
  });
});

describe('the list of publishers and readers', () => {
  const line = { namespace: 'acme', owner: 'aa'.repeat(64), bytes: 'any' };
  const reader = { name: 'ann', sha256: 'bb'.repeat(32), namespaces: 'any' };
  const read = (file: unknown): unknown => {
    const directory = mkdtempSync(join(tmpdir(), 'proofmark-people-'));
    try {
      writeFileSync(join(directory, 'people.json'), JSON.stringify(file));
      return readPeople(join(directory, 'people.json'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  it('names each key, namespace, reader and token once', () => {
    expect(read({ version: 1, publishers: [line], readers: [reader] })).toBeDefined();
    const two = { ...line, namespace: 'other', owner: 'cc'.repeat(64) };
    expect(read({ version: 1, publishers: [line, two], readers: [] })).toBeDefined();
    for (const publishers of [
      [line, { ...two, namespace: 'acme' }],
      [line, { ...two, owner: line.owner }],
    ]) {
      expect(() => read({ version: 1, publishers, readers: [] })).toThrow('stands there twice');
    }
    for (const other of [
      { ...reader, sha256: 'cc'.repeat(32) },
      { ...reader, name: 'bob' },
    ]) {
      expect(() => read({ version: 1, publishers: [], readers: [reader, other] })).toThrow('stands there twice');
    }
  });

  it.each([
    ['a namespace that is a path', { ...line, namespace: 'api' }],
    ['a namespace that is no name', { ...line, namespace: 'Acme' }],
    ['half a key', { ...line, owner: 'aa'.repeat(32) }],
    ['no share', { ...line, bytes: 0 }],
    ['no word about a share', { namespace: 'acme', owner: line.owner }],
  ])('has no line with %s', (_, wrong) => {
    expect(() => read({ version: 1, publishers: [wrong], readers: [] })).toThrow('publishers_invalid');
  });
});

describe('a nonce', () => {
  it('is of the hub that gave it, whole, and of no later time', () => {
    let now = 1_000_000;
    const challenges = createChallenges(() => now);
    const nonce = challenges.issue();
    expect(challenges.isIssued(nonce)).toBe(true);
    expect(createChallenges(() => now).isIssued(nonce)).toBe(false);
    for (let index = 0; index < nonce.length; index++) {
      const other = nonce.slice();
      other[index] = (other[index] as number) ^ 1;
      expect(challenges.isIssued(other), String(index)).toBe(false);
    }
    expect(challenges.isIssued(nonce.subarray(1))).toBe(false);
    now -= 1;
    expect(challenges.isIssued(nonce)).toBe(false);
  });

  it('is remembered as used for longer than it counts', () => {
    let now = 1_000_000;
    const challenges = createChallenges(() => now);
    const nonce = challenges.issue();
    challenges.redeem(nonce);
    now += limits.hubNonceMilliseconds;
    for (let i = 0; i < 100; i++) challenges.redeem(challenges.issue());
    expect(() => challenges.redeem(nonce)).toThrow('nonce_unknown');
  });
});

describe('room', () => {
  const storeOf = (releases: number, files: number): Store =>
    ({
      blobs: { bytes: 0, sizeOf: () => undefined },
      catalogue: { size: releases, files, find: () => undefined, entries: () => [] },
    }) as never;
  const wanted = (index: number): Wanted => ({
    modelId: index.toString(16).padStart(64, '0'),
    owner: index.toString(16).padStart(128, '0'),
    contents: [{ path: 'a', size: 1, sha256: new Uint8Array(32) }],
  });
  const any = { storeBytes: 'any', publisherBytes: 'any' } as const;
  const own = wanted(9_999);

  it('is for so many uploads of all publishers, releases and files', () => {
    const others = Array.from({ length: limits.hubUploads }, (_, index) => wanted(index));
    expect(() => checkRoom(own, others, storeOf(0, 0), any)).toThrow('too_many_uploads');
    checkRoom(own, others.slice(1), storeOf(0, 0), any);
    // The upload that is there already takes no further place.
    checkRoom(others[0] as Wanted, others, storeOf(0, 0), any);
    expect(() => checkRoom(own, [], storeOf(limits.hubReleases, 0), any)).toThrow('store_full');
    expect(() => checkRoom(own, [wanted(1)], storeOf(limits.hubReleases - 1, 0), any)).toThrow('store_full');
    expect(() => checkRoom(own, [wanted(1)], storeOf(0, limits.hubFiles - 1), any)).toThrow('store_full');
    checkRoom(own, [wanted(1)], storeOf(0, limits.hubFiles - 2), any);
  });
});
