import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileMemory } from '../../../client/index.ts';
import { limits } from '../../../wire/limits.ts';
import { owner, ownerOf, signedStatus, stranger, testRelease } from './releases.ts';
import { type Desk, failure, openDesk } from './world.ts';

const HUB = 'https://hub.example';
const { modelId } = testRelease();
let desk: Desk;
let path: string;

beforeEach(() => {
  desk = openDesk();
  path = desk.path('state', 'memory.json');
});

afterEach(() => desk.remove());

describe('what was seen of hubs', () => {
  it('is known to the next process', async () => {
    await fileMemory(path).keepOwner(HUB, 'acme', ownerOf(owner));
    await fileMemory(path).keepStatus(signedStatus(modelId, 'yanked', 3n));
    expect(await fileMemory(path).owner(HUB, 'acme')).toEqual(ownerOf(owner));
    expect(await fileMemory(path).status(modelId)).toMatchObject({ status: 'yanked', sequence: 3n });
  });

  it('is apart for each hub, namespace and release', async () => {
    const memory = fileMemory(path);
    await memory.keepOwner(HUB, 'acme', ownerOf(owner));
    await memory.keepOwner('https://other.example', 'acme', ownerOf(stranger));
    expect(await memory.owner(HUB, 'acme')).toEqual(ownerOf(owner));
    expect(await memory.owner(HUB, 'other')).toBeUndefined();
    expect(await memory.status(testRelease({ version: '9.0.0' }).modelId)).toBeUndefined();
  });

  it('never goes back', async () => {
    const memory = fileMemory(path);
    await memory.keepStatus(signedStatus(modelId, 'yanked', 3n));
    await memory.keepStatus(signedStatus(modelId, 'active', 2n));
    await memory.keepStatus(signedStatus(modelId, 'active', 3n));
    expect(await memory.status(modelId)).toMatchObject({ status: 'yanked', sequence: 3n });
  });

  it('loses nothing to others who write at once', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `space-${at}`);
    await Promise.all(names.map((name) => fileMemory(path).keepOwner(HUB, name, ownerOf(owner))));
    for (const name of names) expect(await fileMemory(path).owner(HUB, name)).toEqual(ownerOf(owner));
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"owners":[],"statuses":[],"version":2}'],
    ['something more', '{"more":1,"owners":[],"statuses":[],"version":1}'],
    ['too much', ' '.repeat(limits.hubMemoryBytes + 1)],
  ])('is not begun anew where the file is %s', async (_, text) => {
    const memory = fileMemory(desk.path('broken.json'));
    writeFileSync(desk.path('broken.json'), text);
    expect(await failure(memory.owner(HUB, 'acme'))).toMatchObject({ code: 'memory_failed', action: 'fix-call' });
    expect(await failure(memory.keepOwner(HUB, 'acme', ownerOf(owner)))).toMatchObject({ code: 'memory_failed' });
    expect(readFileSync(desk.path('broken.json'), 'utf8')).toBe(text);
  });
});
