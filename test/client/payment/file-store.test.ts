import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore, type Tab } from '../../../client/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const path = (): string => join(folder, `${files++}.json`);

function tab(byte: number, changes: Partial<Tab> = {}): Tab {
  return {
    channel: new Uint8Array(32).fill(byte),
    log: new Uint8Array(32).fill(9),
    voucher: 2n ** 128n - 1n,
    verified: 3n,
    unknown: 2n,
    top: 9n,
    gaps: [
      [1n, 2n],
      [4n, 8n],
    ],
    ...changes,
  };
}

describe('a payer’s file', () => {
  it('is empty where there is none, and gives back what was saved to whoever opens it next', async () => {
    const file = path();
    const store = fileStore(file);
    expect(await store.load()).toEqual([]);
    await Promise.all([store.save(tab(1)), store.save(tab(2)), store.save(tab(1, { verified: 4n }))]);
    expect(await fileStore(file).load()).toEqual([tab(1, { verified: 4n }), tab(2)]);
    const next = fileStore(file);
    await next.load();
    await next.save(tab(3));
    expect(await fileStore(file).load()).toHaveLength(3);
  });

  it('is replaced as a whole: nothing of a draft is ever in its place', async () => {
    const file = path();
    const store = fileStore(file);
    await store.save(tab(1));
    const before = readFileSync(file);
    writeFileSync(`${file}.draft`, before.subarray(0, 10));
    expect(await fileStore(file).load()).toEqual([tab(1)]);
    await store.save(tab(2));
    expect(readdirSync(folder).filter((name) => name.endsWith('.draft'))).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['half a file', '{"version":1,"tabs":[{'],
    ['another version', '{"version":2,"tabs":[]}'],
    ['an amount below zero', JSON.stringify({ version: 1, tabs: [{ ...text(), voucher: '-1' }] })],
    ['an amount that is a number', JSON.stringify({ version: 1, tabs: [{ ...text(), voucher: 1 }] })],
    ['no gaps', JSON.stringify({ version: 1, tabs: [{ ...text(), gaps: undefined }] })],
  ])('of %s is no empty one: what was signed would be forgotten', async (_, content) => {
    const file = path();
    writeFileSync(file, content);
    await expect(fileStore(file).load()).rejects.toThrow();
    expect(readFileSync(file, 'utf8')).toBe(content);
  });
});

function text(): Readonly<Record<string, unknown>> {
  const id = '01'.repeat(32);
  return { channel: id, log: id, voucher: '1', verified: '0', unknown: '0', top: '0', gaps: [] };
}
