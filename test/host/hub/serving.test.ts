import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeHubVersions } from '../../../wire/message/hub.ts';
import { digestOf, type Made, makeRelease, openWorld, type World } from './support/world.ts';

let world: World;
let made: Made;
let hidden: Made;
const bytes = new Uint8Array(randomBytes(1_000_000));
const digest = digestOf(bytes);
const files = new Map<string, Uint8Array>([
  ['model.onnx', bytes],
  ['README.md', new TextEncoder().encode('# A <script>alert(1)</script>')],
  ['page.html', new TextEncoder().encode('<script>alert(1)</script>')],
  ['config.json', new TextEncoder().encode('{}')],
  ['empty', new Uint8Array(0)],
]);
const token = 'a-reader-of-acme';

beforeAll(async () => {
  world = await openWorld({
    readers: [
      { name: 'ann', token, namespaces: ['acme'] },
      { name: 'bob', token: 'a-reader-of-others', namespaces: ['others'] },
    ],
  });
  made = makeRelease(world.acme, files);
  hidden = makeRelease(world.acme, new Map([['secret.bin', new Uint8Array(randomBytes(2_000))]]), { name: 'hidden' });
  await world.publish(made);
  await world.publish(hidden, { visibility: 'private' });
});
afterAll(() => world.stop());

const native = (path = 'model.onnx'): string => `/v1/hub/releases/${made.modelId}/files/${path}`;
const library = (path = 'model.onnx'): string => `/acme/demo/resolve/main/${path}`;

describe.each([
  ['native', native],
  ['library', library],
])('a file by its %s path', (_, pathOf) => {
  it('comes whole, with its digest', async () => {
    const response = await world.get(pathOf());
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-length': '1000000',
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="model.onnx"; filename*=UTF-8''model.onnx`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
      'cache-control': 'no-cache',
    });
    expect(digestOf(new Uint8Array(await response.arrayBuffer()))).toBe(digest);
    const head = await fetch(world.hub.url + pathOf(), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1000000', '']);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=999990-', 999_990, 999_999],
    ['bytes=999990-2000000', 999_990, 999_999],
    ['bytes=-5', 999_995, 999_999],
    ['bytes=-2000000', 0, 999_999],
    ['bytes=0-', 0, 999_999],
    ['bytes=131071-131072', 131_071, 131_072],
    ['bytes=100000-900000', 100_000, 900_000],
  ])('comes in parts: %s', async (range, first, last) => {
    const response = await world.get(pathOf(), { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([206, `bytes ${first}-${last}/1000000`]);
    expect(digestOf(new Uint8Array(await response.arrayBuffer()))).toBe(digestOf(bytes.subarray(first, last + 1)));
  });

  it.each([
    'bytes=1000000-',
    'bytes=5-4',
    'bytes=-0',
    'bytes=-',
    'bytes=',
    'bytes=a-b',
    'bytes=1-2x',
    `bytes=${'9'.repeat(16)}-`,
  ])('has no part %s', async (range) => {
    const response = await world.get(pathOf(), { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */1000000']);
    expect(await response.text()).toContain(pathOf === native ? 'range_invalid' : 'no such range');
  });

  it.each(['items=0-1', 'bytes=0-1,5-6', 'Bytes=0-1'])('comes whole where a part is asked for as %s', async (range) => {
    expect((await world.get(pathOf(), { range })).status).toBe(200);
  });

  it('continues only what is the same file', async () => {
    const range = 'bytes=10-19';
    expect((await world.get(pathOf(), { range, 'if-range': `"${digest}"` })).status).toBe(206);
    for (const other of [`W/"${digest}"`, '"other"', new Date().toUTCString()]) {
      expect((await world.get(pathOf(), { range, 'if-range': other })).status, other).toBe(200);
    }
  });

  it('does not come again to who has it', async () => {
    for (const tag of [`"${digest}"`, `W/"${digest}"`, '*', `"x", "${digest}"`]) {
      const response = await world.get(pathOf(), { 'if-none-match': tag });
      expect([response.status, await response.text()]).toEqual([304, '']);
    }
    expect((await world.get(pathOf(), { 'if-none-match': '"x"' })).status).toBe(200);
  });

  it('may be empty', async () => {
    const response = await world.get(pathOf('empty'));
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '0']);
    expect((await world.get(pathOf('empty'), { range: 'bytes=0-0' })).status).toBe(416);
  });

  it('is never a page', async () => {
    for (const path of ['README.md', 'page.html']) {
      const response = await world.get(pathOf(path));
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      expect(response.headers.get('content-disposition')).toMatch(/^attachment;/);
    }
    expect((await world.get(pathOf('config.json'))).headers.get('content-type')).toBe('application/json');
  });
});

describe('paths from outside', () => {
  /** As they are: what makes URLs elsewhere takes dots out before they are sent. */
  const raw = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(world.hub.url);
      const asking = request({ host: hostname, port, path, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asking.once('error', reject);
      asking.end();
    });

  it.each([
    'files/../../../publishers.json',
    'files/..%2f..%2f..%2fpublishers.json',
    'files/%2e%2e/%2e%2e/publishers.json',
    'files//etc/passwd',
    'files/model.onnx/',
    'files/MODEL.ONNX',
    'files/model.onnx%00',
    'files/',
    'files',
  ])('lead to no other file: %s', async (path) => {
    expect(await raw(`/v1/hub/releases/${made.modelId}/${path}`)).toBe(404);
    expect(await raw(`/acme/demo/resolve/main/${path.slice(6)}`)).toBe(404);
  });

  it('are refused where they mean nothing', async () => {
    expect(await raw('/v1/hub/releases/%E0%A4%A')).toBe(400);
    expect(await raw(`/v1/hub/releases/${made.modelId.toUpperCase()}`)).toBe(404);
    expect(await raw('/v1/hub/releases/..')).toBe(404);
    expect(await raw('/v1/hub/models/acme/..')).toBe(404);
    expect(await raw('/acme/..%2f/resolve/main/x')).toBe(404);
    expect(await raw('/__proto__/constructor/resolve/main/x')).toBe(404);
    for (const bad of [
      'limit=0',
      'limit=-1',
      'limit=x',
      'limit=1e9',
      'cursor=x',
      'cursor=-1',
      `q=${'x'.repeat(257)}`,
    ]) {
      expect(await raw(`/v1/hub/search?${bad}`), bad).toBe(400);
    }
    for (const revision of ['main2', '1.0', 'v', '%2e%2e', 'refs%2Fheads%2Fmain', made.modelId.slice(0, 39)]) {
      expect(await raw(`/api/models/acme/demo/revision/${revision}`), revision).toBe(404);
    }
  });

  it('have their methods', async () => {
    const answer = await fetch(world.hub.url + native(), { method: 'DELETE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const upload = await fetch(`${world.hub.url}/v1/hub/uploads`);
    expect([upload.status, upload.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('are told apart by the libraries’ error codes', async () => {
    const codeOf = async (path: string): Promise<string | null> => (await world.get(path)).headers.get('x-error-code');
    expect(await codeOf('/acme/none/resolve/main/x')).toBe('RepoNotFound');
    expect(await codeOf('/acme/demo/resolve/9.9.9/x')).toBe('RevisionNotFound');
    expect(await codeOf('/acme/demo/resolve/main/x')).toBe('EntryNotFound');
    const body = (await (await world.get('/acme/demo/resolve/main/x')).json()) as { readonly error: unknown };
    expect(body.error).toBe('the release has no such file');
  });
});

describe('what is private', () => {
  const bearer = { authorization: `Bearer ${token}` };
  const paths = (): readonly string[] => [
    `/v1/hub/releases/${hidden.modelId}`,
    `/v1/hub/releases/${hidden.modelId}/files/secret.bin`,
    '/v1/hub/models/acme/hidden',
    '/acme/hidden/resolve/main/secret.bin',
    '/api/models/acme/hidden',
    '/api/models/acme/hidden/tree/main',
  ];

  it('is there for its readers only, and for no page', async () => {
    for (const path of paths()) {
      const [reader, other, nobody] = await Promise.all([
        world.get(path, bearer),
        world.get(path, { authorization: 'Bearer a-reader-of-others' }),
        world.get(path),
      ]);
      expect([reader.status, other.status, nobody.status], path).toEqual([200, 404, 404]);
      expect(reader.headers.get('access-control-allow-origin')).toBeNull();
      expect(reader.headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(reader.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('looks to others exactly like what is not there', async () => {
    const said = async (path: string): Promise<string> => {
      const response = await world.get(path);
      const headers = [...response.headers].filter(([name]) => name !== 'date');
      return JSON.stringify([response.status, headers, await response.text()]);
    };
    const none = 'ab'.repeat(32);
    expect(await said(`/v1/hub/releases/${hidden.modelId}`)).toBe(await said(`/v1/hub/releases/${none}`));
    expect(await said('/api/models/acme/hidden')).toBe(await said('/api/models/acme/nobody'));
    expect(await said('/acme/hidden/resolve/main/x')).toBe(await said('/acme/nobody/resolve/main/x'));
  });

  it('is in nobody else’s lists', async () => {
    for (const path of ['/v1/hub/search', '/api/models']) {
      expect(await (await world.get(path)).text()).not.toContain('hidden');
      expect(await (await world.get(path, bearer)).text()).toContain('hidden');
    }
  });
});

describe('lists', () => {
  it('have the versions of a model, newest first, with what their owner says of them', async () => {
    const versions = await Promise.all(
      ['0.9.0', '0.10.0', '0.10.0-rc.1'].map(async (version) => {
        const one = makeRelease(world.acme, files, { name: 'versions', version });
        await world.publish(one, { visibility: version === '0.9.0' ? 'private' : 'public' });
        return one;
      }),
    );
    expect((await world.setStatus(versions[1] as Made, 'yanked', 1n)).status).toBe(204);
    const list = async (headers = {}): Promise<unknown> => {
      const answer = await world.get('/v1/hub/models/acme/versions', headers);
      const { versions: found } = decodeHubVersions(new Uint8Array(await answer.arrayBuffer()));
      return found.map(({ version, visibility, status }) => [version, visibility, status]);
    };
    expect(await list()).toEqual([
      ['0.10.0', 'public', 'yanked'],
      ['0.10.0-rc.1', 'public', 'active'],
    ]);
    expect(await list({ authorization: `Bearer ${token}` })).toHaveLength(3);
  });

  it('have what a search finds, with a cursor where there is more', async () => {
    const answer = await world.get('/v1/hub/search?namespace=acme&limit=1&q=demo');
    expect(await answer.json()).toEqual({
      releases: [
        {
          namespace: 'acme',
          name: 'demo',
          version: expect.any(String),
          modelId: expect.stringMatching(/^[0-9a-f]{64}$/),
          kind: 'tensor',
          task: '',
          tags: [],
          description: '',
          licence: 'Apache-2.0',
          status: 'active',
        },
      ],
      next: null,
    });
    const first = (await (await world.get('/v1/hub/search?limit=1')).json()) as { readonly next: string };
    expect(first.next).toMatch(/^\d+$/);
    const second = (await (await world.get(`/v1/hub/search?limit=1&cursor=${first.next}`)).json()) as object;
    expect(second).not.toEqual(first);
  });
});

describe('pages of other origins', () => {
  it('may ask for what only reads, and send no token', async () => {
    const preflight = (path: string, method: string): Promise<Response> =>
      fetch(world.hub.url + path, {
        method: 'OPTIONS',
        headers: { origin: 'https://page.example', 'access-control-request-method': method },
      });
    const read = await preflight(library(), 'GET');
    expect([read.status, read.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect(read.headers.get('access-control-allow-headers')).not.toMatch(/authorization/i);
    expect(read.headers.get('access-control-allow-credentials')).toBeNull();
    for (const [path, method] of [
      ['/v1/hub/uploads', 'POST'],
      [`/v1/hub/uploads/${made.modelId}/${digest}`, 'PATCH'],
      [`/v1/hub/releases/${made.modelId}/status`, 'PUT'],
    ] as const) {
      expect((await preflight(path, method)).headers.get('access-control-allow-origin'), path).toBeNull();
    }
    const missing = await world.get(library('none'), { origin: 'https://page.example' });
    expect([missing.status, missing.headers.get('access-control-allow-origin')]).toEqual([404, '*']);
  });
});

describe('a damaged file', () => {
  const place = (of: string): string => join(world.store, 'blobs', of.slice(0, 2), of);

  async function publishOne(version: string, size: number): Promise<Made> {
    const one = makeRelease(world.acme, new Map([['model.onnx', new Uint8Array(randomBytes(size))]]), { version });
    await world.publish(one);
    return one;
  }
  const digestIn = (one: Made): string => digestOf(one.files.get('model.onnx') as Uint8Array);
  const pathOf = (one: Made): string => `/v1/hub/releases/${one.modelId}/files/model.onnx`;

  it.each([
    ['of many pieces, in its first byte', 1_000_000, 0],
    ['of many pieces, in its last byte', 1_000_000, 999_999],
    ['of three pieces', 262_145, 262_144],
  ])('%s is never served complete', async (_, size, at) => {
    const one = await publishOne(`2.0.${at}`, size);
    const flipped = readFileSync(place(digestIn(one)));
    flipped[at] = (flipped[at] as number) ^ 1;
    writeFileSync(place(digestIn(one)), flipped);
    const received = await receive(pathOf(one));
    expect(received.announced).toBe(size);
    expect(received.bytes).toBeLessThan(size);
    expect(world.events).toContainEqual({ event: 'blob_damaged', sha256: digestIn(one), found: 'digest' });
    const kept = readFileSync(join(world.store, 'quarantine', digestIn(one)));
    expect(digestOf(kept)).toBe(digestOf(flipped));
    const again = await world.get(pathOf(one));
    expect([again.status, await again.text()]).toEqual([500, expect.stringContaining('blob_damaged')]);
    expect((await world.get(pathOf(one), { range: 'bytes=0-1' })).status).toBe(500);
  });

  it.each([1_000, 131_073])('of %s bytes is refused before one of them is sent', async (size) => {
    const one = await publishOne(`3.0.${size}`, size);
    writeFileSync(place(digestIn(one)), new Uint8Array(size));
    const answer = await world.get(pathOf(one));
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining('blob_damaged')]);
  });

  it('that is cut short, is gone, or has become a link is refused', async () => {
    const [short, gone, link] = await Promise.all(
      ['4.0.0', '4.0.1', '4.0.2'].map((version) => publishOne(version, 5_000)),
    );
    truncateSync(place(digestIn(short as Made)), 4_999);
    renameSync(place(digestIn(gone as Made)), join(world.directory, 'elsewhere'));
    renameSync(place(digestIn(link as Made)), join(world.directory, 'target'));
    symlinkSync(join(world.directory, 'target'), place(digestIn(link as Made)));
    for (const one of [short, gone, link] as Made[]) {
      expect((await world.get(pathOf(one), { range: 'bytes=0-1' })).status).toBe(500);
    }
  });

  it('comes back when its publisher sends it again', async () => {
    const one = await publishOne('5.0.0', 200_000);
    writeFileSync(place(digestIn(one)), new Uint8Array(200_000));
    await receive(pathOf(one));
    expect((await world.upload(one)).body.missing).toEqual([{ sha256: digestIn(one), size: 200_000, received: 0 }]);
    await world.publish(one);
    expect((await receive(pathOf(one))).bytes).toBe(200_000);
    expect(world.events).toContainEqual({ event: 'blob_healed', modelId: one.modelId });
  });

  /** All that comes until the connection ends. */
  function receive(path: string): Promise<{ readonly announced: number; readonly bytes: number }> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(world.hub.url);
      const socket = connect(Number(port), hostname, () =>
        socket.write(`GET ${path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n`),
      );
      let received = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
      });
      socket.once('error', reject);
      socket.once('close', () => {
        const end = received.indexOf('\r\n\r\n');
        const announced = Number(/content-length: (\d+)/i.exec(received.subarray(0, end).toString())?.[1]);
        resolve({ announced, bytes: received.length - end - 4 });
      });
    });
  }
});
