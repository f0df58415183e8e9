import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explanations } from '../../host/http/errors.ts';
import { openJournal } from '../../host/journal/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { checkpointKeyPreimage, decodeCheckpoint } from '../../wire/message/checkpoint.ts';
import { decodeIdentity, signerPoint } from '../../wire/message/identity.ts';
import { decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { verifyInclusion } from '../../wire/tree/index.ts';
import { tilePath } from '../../wire/tree/tiles.ts';
import { createFakeLog, random } from '../support/fake-log.ts';
import { type Served, serve } from './support/served.ts';

const SIZE = 700;
const stateDirectory = mkdtempSync(join(tmpdir(), 'proofmark-tiles-'));
const past = createFakeLog();
const dropped = createFakeLog();
const droppedId = random(32);
const receipts: Uint8Array[] = [];
let served: Served;
let url: string;

beforeAll(async () => {
  // A log of an earlier worker: named logs stay readable.
  const journal = openJournal(join(stateDirectory, 'journal'), { maxBytes: 2 ** 28 });
  await journal.openLog(past.ready);
  for (const count of [1, 255, 1, 443]) {
    const { entries } = past.grow(Array.from({ length: count }, () => ({})));
    receipts.push(...entries.receipts);
    await journal.append(past.log, entries).durable;
  }
  // Another whose time was over by then.
  await journal.openLog(dropped.ready);
  await journal.append(dropped.log, dropped.grow([{ requestId: droppedId }]).entries).durable;
  await journal.close();
  const later = openJournal(join(stateDirectory, 'journal'), { maxBytes: 2 ** 28, now: () => Date.now() + 10_000 });
  const policy = { claimableMs: 0, receiptsMs: 0, logsMs: 'never', bytes: 'any' } as const;
  await later.retain(policy, (log) => !equalBytes(log, dropped.log));
  await later.close();
  served = await serve({ stateDirectory });
  url = served.host.url;
});

afterAll(async () => {
  await served.stop();
  rmSync(stateDirectory, { recursive: true, force: true });
});

async function get(path: string, log: Uint8Array = past.log): Promise<Response> {
  return fetch(`${url}/v1/log/${path}?log=${toHex(log)}`);
}

async function refusal(response: Response): Promise<string> {
  const { code } = (await response.json()) as { readonly code: keyof typeof explanations };
  expect(response.status).toBe(explanations[code].status);
  return `${response.status} ${code}`;
}

/** Somebody with C2SP's text, RFC 6962 and an HTTP client, and nothing of ours but the head's six words. */
function reader(size: number): {
  hash(start: number, end: number): Promise<Buffer>;
  path(index: number, start?: number, end?: number): Promise<readonly Buffer[]>;
} {
  const cache = new Map<string, Promise<Buffer>>();
  async function tile(level: number, index: number): Promise<Buffer> {
    const width = Math.min(256, Math.floor(size / 256 ** level) - index * 256);
    const groups = String(index).padStart(3, '0');
    const name = `tile/${level}/${groups}${width === 256 ? '' : `.p/${width}`}`;
    const found = cache.get(name) ?? get(name).then(async (response) => Buffer.from(await response.arrayBuffer()));
    cache.set(name, found);
    expect(await found).toHaveLength(32 * width);
    return found;
  }
  async function hash(start: number, end: number): Promise<Buffer> {
    const count = end - start;
    for (let level = 1; level >= 0; level--) {
      const span = 256 ** level;
      if (count !== span || start % span !== 0) continue;
      const place = start / span;
      const bytes = await tile(level, Math.floor(place / 256));
      return bytes.subarray(32 * (place % 256), 32 * (place % 256) + 32);
    }
    const middle = start + split(count);
    return createHash('sha256')
      .update(Buffer.of(1))
      .update(await hash(start, middle))
      .update(await hash(middle, end))
      .digest();
  }
  async function path(index: number, start = 0, end = size): Promise<readonly Buffer[]> {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    return index < middle
      ? [...(await path(index, start, middle)), await hash(middle, end)]
      : [...(await path(index, middle, end)), await hash(start, middle)];
  }
  return { hash, path };
}

/** The largest power of two below. */
function split(count: number): number {
  let half = 1;
  while (2 * half < count) half *= 2;
  return half;
}

describe('a reader with tiles and checkpoint alone', () => {
  it('rebuilds the signed root, and proves every kind of leaf in it', async () => {
    const response = await get('checkpoint');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const text = await response.text();
    expect(text.split('\n').slice(0, 2)).toEqual([toHex(past.log), `${SIZE}`]);
    const { head, signature, keyId } = decodeCheckpoint(text);
    const signer = signerPoint(decodeIdentity(past.ready.identity));
    expect(keyId).toEqual(sha256(checkpointKeyPreimage(past.log, signer)).slice(0, 4));
    const key = createPublicKey(past.privateKey);
    expect(verify('sha256', head, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);

    const { root, size } = decodeTreeHead(head);
    const { hash, path } = reader(size);
    expect(new Uint8Array(await hash(0, size))).toEqual(root);
    for (const index of [0, 1, 255, 256, 511, 512, 698, 699]) {
      const leafHash = sha256(leafPreimage(receipts[index] as Uint8Array));
      const proof = (await path(index)).map((part) => Uint8Array.from(part));
      expect(await verifyInclusion(nodeSuite, { leafHash, index, size, proof, root })).toBe(true);
      expect(await verifyInclusion(nodeSuite, { leafHash, index: index ^ 1, size, proof, root })).toBe(false);
    }
  });

  it('may keep what cannot change, where it says which log it means', async () => {
    const full = await get('tile/0/001');
    expect(full.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(full.headers.get('content-type')).toBe('application/octet-stream');
    expect(await full.arrayBuffer()).toHaveProperty('byteLength', 8_192);
    expect((await get('tile/0/002.p/188')).headers.get('cache-control')).toBe('public, max-age=60');
    const { length } = new Uint8Array(await (await get('tile/1/000.p/2')).arrayBuffer());
    expect(length).toBe(64);
    await fetch(`${url}/v2/models/demo/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const current = await fetch(`${url}/v1/log/tile/0/000.p/1`);
    expect(current.status).toBe(200);
    expect(current.headers.get('cache-control')).toBe('no-store');
    expect(decodeCheckpoint(await (await fetch(`${url}/v1/log/checkpoint`)).text()).head).toHaveLength(192);
  });

  it.each([
    ['a full tile that is not full yet', 'tile/0/002', '404 tile_unknown'],
    ['a tile wider than it is', 'tile/0/002.p/189', '404 tile_unknown'],
    ['a tile of hashes that are not there', 'tile/1/000.p/3', '404 tile_unknown'],
    ['a tile beyond the tree', 'tile/0/x001/000', '404 tile_unknown'],
    ['a level that no tree has', 'tile/7/000.p/1', '400 request_invalid'],
    ['an empty tile', 'tile/0/000.p/0', '400 request_invalid'],
    ['a width of 256 written out', 'tile/0/000.p/256', '400 request_invalid'],
    ['a longer spelling', 'tile/0/x000/001', '400 request_invalid'],
    ['an escaped slash', 'tile/0%2F000', '400 request_invalid'],
    ['an escaped digit', 'tile/0/00%31', '400 request_invalid'],
    ['entries, which are nobody’s business', 'tile/entries/000', '400 request_invalid'],
    ['no tile', 'tile/', '404 not_found'],
    ['a way out', 'tile/0/..%2f..%2fetc', '400 request_invalid'],
  ])('is refused %s', async (_, path, expected) => {
    expect(await refusal(await get(path))).toBe(expected);
  });

  it('is told apart what was dropped and what never was', async () => {
    expect(await refusal(await fetch(`${url}/v1/receipts/${toHex(droppedId)}`))).toBe('410 receipt_dropped');
    expect(await refusal(await fetch(`${url}/v1/receipts/${toHex(random(32))}`))).toBe('404 receipt_unknown');
    expect((await get('tile/0/000.p/1', dropped.log)).status).toBe(200);
    expect((await get('checkpoint', dropped.log)).status).toBe(200);
  });

  it('is told of logs that nobody has', async () => {
    const other = createFakeLog();
    expect(await refusal(await get('checkpoint', other.log))).toBe('404 log_unknown');
    expect(await refusal(await get('tile/0/000.p/1', other.log))).toBe('404 tile_unknown');
    expect(await refusal(await fetch(`${url}/v1/log/checkpoint?log=zz`))).toBe('400 request_invalid');
    expect(await refusal(await fetch(`${url}/v1/log/checkpoint`, { method: 'POST' }))).toBe('405 method_not_allowed');
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
  });
});
