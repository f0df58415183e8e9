import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DisclosedOptions, type DisclosedStore, openDisclosed } from '../../../host/disclosed/store.ts';
import { toHex } from '../../../wire/bytes.ts';
import { decodeDisclosed, encodeDisclosed } from '../../../wire/message/disclosed.ts';
import { word } from '../../support/findings.ts';

let directory: string;
let now = 0;
let lost = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pm-disclosed-'));
  now = Date.now();
  lost = 0;
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const log = word(1);
const value = (size = 100) =>
  ({
    version: 1,
    header: new Uint8Array(384),
    body: new Uint8Array(size),
    format: 0,
    jsonLength: 0,
    answer: word(2),
  }) as const;
const SIZE = encodeDisclosed(value()).length;

function open(changes: Partial<DisclosedOptions> = {}): DisclosedStore {
  return openDisclosed({
    ...{ directory, maxBytes: 10 * SIZE, keepMs: 60_000, now: () => now },
    onLost: () => {
      lost += 1;
    },
    ...changes,
  });
}

describe('what was disclosed', () => {
  it('is there at once, and after a restart', async () => {
    const store = open();
    store.keep({ log, index: 7 }, value());
    const found = await store.find({ log, index: 7 });
    expect(decodeDisclosed(found as Uint8Array)).toEqual(value());
    await store.close();
    const again = open();
    expect([again.count, again.bytes]).toEqual([1, SIZE]);
    expect(await again.find({ log, index: 7 })).toEqual(found);
    expect(await again.find({ log: word(2), index: 7 })).toBeUndefined();
  });

  it('makes room, the oldest first', async () => {
    const store = open({ maxBytes: 3 * SIZE });
    for (let index = 0; index < 5; index++) store.keep({ log, index }, value());
    await store.close();
    expect([store.count, store.bytes]).toEqual([3, 3 * SIZE]);
    expect(await store.find({ log, index: 1 })).toBeUndefined();
    expect(await store.find({ log, index: 2 })).toBeDefined();
    expect(open().count).toBe(3);
  });

  it('is gone when its time is over, whether or not somebody swept', async () => {
    const store = open();
    store.keep({ log, index: 1 }, value());
    await store.close();
    now += 60_000;
    expect(await store.find({ log, index: 1 })).toBeUndefined();
    expect(store.count).toBe(1);
    await store.sweep();
    expect([store.count, store.bytes]).toEqual([0, 0]);
    expect(open().count).toBe(0);
  });

  it('is told of where it cannot be kept', async () => {
    const store = open({ maxBytes: SIZE });
    store.keep({ log, index: 1 }, value(10_000));
    await store.close();
    expect([lost, store.count]).toEqual([1, 0]);
    writeFileSync(join(directory, toHex(log)), 'in the way');
    store.keep({ log, index: 2 }, value());
    await store.close();
    expect(lost).toBe(2);
  });

  it('does not fill the memory while the disk is slow', async () => {
    const store = open({ maxBytes: 2 ** 30 });
    for (let index = 0; index < 6; index++) store.keep({ log, index }, value(2 ** 24));
    expect(lost).toBe(3);
    await store.close();
    expect(store.count).toBe(3);
  });
});
