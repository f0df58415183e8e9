import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { realDisk } from '../../../host/hub/store/disk.ts';
import { limits } from '../../../wire/limits.ts';
import {
  digestOf,
  type Made,
  makeRelease,
  newPublisher,
  openWorld,
  type World,
  type WorldOptions,
} from './support/world.ts';

let world: World;
let made: Made;
let token = '';
const bytes = new Uint8Array(randomBytes(400_000));
const digest = digestOf(bytes);

/** A world in which one file of one release is on its way. */
async function begin(options?: WorldOptions): Promise<void> {
  world = await openWorld(options);
  made = makeRelease(world.acme, new Map([['model.onnx', bytes]]));
  token = (await world.upload(made)).body.token;
}
afterEach(() => world.stop());

const errorOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { readonly error: { readonly code: string } }).error.code;
const offsetOf = async (): Promise<string | null> =>
  (await world.head(token, made, digest)).headers.get('upload-offset');
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 1_500; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it never came about');
};
const arrived = (): number => {
  const folder = join(world.store, 'parts', made.modelId);
  return existsSync(folder) ? readdirSync(folder).length : 0;
};

/** Sends the head of a PATCH and some bytes, and then no more. */
function hang(
  part: Uint8Array,
  length = bytes.length,
): { readonly closed: Promise<string>; destroy(): void; write(more: Uint8Array): void } {
  const { hostname, port } = new URL(world.hub.url);
  const socket = connect(Number(port), hostname);
  const head = [
    `PATCH /v1/hub/uploads/${made.modelId}/${digest} HTTP/1.1`,
    'Host: hub',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/octet-stream',
    'Upload-Offset: 0',
    `Content-Length: ${length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(part);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  return { closed, destroy: () => socket.destroy(), write: (more) => socket.write(more) };
}

describe('a file on its way in', () => {
  it('goes on where it is, and nowhere else', async () => {
    await begin();
    await world.patch(token, made, digest, bytes.subarray(0, 1_000));
    for (const offset of [0, 999, 1_001, 400_000]) {
      const answer = await world.patch(token, made, digest, bytes.subarray(0, 10), offset);
      expect([answer.status, answer.headers.get('upload-offset')]).toEqual([409, '1000']);
      expect(await errorOf(answer)).toBe('offset_conflict');
    }
    expect((await world.patch(token, made, digest, bytes.subarray(1_000), 1_000)).status).toBe(204);
    const over = await world.patch(token, made, digest, bytes, 0);
    expect([over.status, over.headers.get('upload-offset')]).toEqual([409, '400000']);
  });

  it('is thrown away where its bytes are others, and sent again', async () => {
    await begin();
    const wrong = bytes.slice();
    wrong[399_999] = (wrong[399_999] as number) ^ 1;
    const answer = await world.patch(token, made, digest, wrong);
    expect([answer.status, await errorOf(answer)]).toEqual([422, 'digest_mismatch']);
    expect(await offsetOf()).toBe('0');
    expect((await world.patch(token, made, digest, bytes)).status).toBe(204);
    expect((await world.commit(token, made)).status).toBe(201);
  });

  it('is no longer than it was said to be', async () => {
    await begin();
    const answer = await world.patch(token, made, digest, new Uint8Array(400_001));
    expect([answer.status, await errorOf(answer)]).toEqual([413, 'body_too_large']);
  });

  it('keeps what arrived before it was cut', async () => {
    await begin();
    const cut = hang(bytes.subarray(0, 150_000));
    await until(() => arrived() === 1);
    cut.destroy();
    await until(async () => Number(await offsetOf()) > 0);
    const at = Number(await offsetOf());
    expect(at).toBeLessThanOrEqual(150_000);
    expect((await world.patch(token, made, digest, bytes.subarray(at), at)).status).toBe(204);
    expect((await world.commit(token, made)).status).toBe(201);
  });

  it('is taken over by whoever has its token and comes later', async () => {
    await begin();
    const stuck = hang(bytes.subarray(0, 100_000));
    await until(() => arrived() === 1);
    const at = Number(await offsetOf());
    expect(await stuck.closed).toBe('');
    expect((await world.patch(token, made, digest, bytes.subarray(at), at)).status).toBe(204);
  });

  it('is cut where it is too slow, and what arrived is kept', async () => {
    await begin({ paceMs: 300 });
    const slow = hang(bytes.subarray(0, 100_000));
    expect(await slow.closed).toMatch(/^HTTP\/1\.1 408 [\s\S]*"too_slow"/);
    expect(Number(await offsetOf())).toBe(100_000);
  });

  it('needs the token of its upload', async () => {
    await begin();
    for (const wrong of ['', 'x', token.slice(1), `${token}x`]) {
      const answer = await world.patch(wrong, made, digest, bytes);
      expect([answer.status, await errorOf(answer)]).toEqual([404, 'upload_unknown']);
    }
    const { status } = await world.upload(made);
    expect(status).toBe(201);
    expect((await world.patch(token, made, digest, bytes)).status).toBe(404);
    expect((await world.commit(token, made)).status).toBe(404);
  });

  it('is one of the release', async () => {
    await begin();
    for (const other of ['00'.repeat(32), digest.toUpperCase(), 'x', `${digest}.whole`]) {
      const answer = await world.patch(token, made, encodeURIComponent(other), bytes);
      expect([answer.status, await errorOf(answer)]).toEqual([404, 'file_unknown']);
    }
  });

  it('comes as bytes, from an offset', async () => {
    await begin();
    const send = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${world.hub.url}/v1/hub/uploads/${made.modelId}/${digest}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${token}`, ...headers },
        body: Buffer.from(bytes.subarray(0, 10)),
      });
    expect((await send({ 'content-type': 'text/html', 'upload-offset': '0' })).status).toBe(415);
    const octets = { 'content-type': 'application/octet-stream' };
    expect((await send({ ...octets, 'content-encoding': 'gzip', 'upload-offset': '0' })).status).toBe(415);
    for (const offset of ['', '-1', '1e3', '0x1', '01', '9'.repeat(20), '1.0']) {
      expect((await send({ ...octets, 'upload-offset': offset })).status, offset).toBe(400);
    }
    expect((await send(octets)).status).toBe(400);
  });
});

describe('what takes too long', () => {
  it('is no body of JSON', async () => {
    await begin({ bodyMs: 300 });
    const { hostname, port } = new URL(world.hub.url);
    const socket = connect(Number(port), hostname);
    const head =
      'POST /v1/hub/uploads HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{';
    socket.write(head);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*"request_timeout"/);
  });

  it('is no reader who does not read', { timeout: 60_000 }, async () => {
    world = await openWorld({ paceMs: 200 });
    // More than the system holds for a connection.
    const large = new Uint8Array(24_000_000);
    made = makeRelease(world.acme, new Map([['model.onnx', large]]));
    await world.publish(made);
    const { hostname, port } = new URL(world.hub.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET /v1/hub/releases/${made.modelId}/files/model.onnx HTTP/1.1\r\nHost: hub\r\n\r\n`);
    socket.pause();
    const failed = (): boolean => world.events.some(({ event }) => event === 'blob_damaged');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.on('error', () => undefined);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).toBeLessThan(large.length);
    // It is the reader who was slow: the file is as good as before.
    expect(failed()).toBe(false);
    const again = await world.get(`/v1/hub/releases/${made.modelId}/files/model.onnx`);
    expect(digestOf(new Uint8Array(await again.arrayBuffer()))).toBe(digestOf(large));
  });
});

describe('a full disk', () => {
  it('refuses with what it has, and goes on when there is room', async () => {
    let left = Number.POSITIVE_INFINITY;
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    await begin({
      disk: {
        ...realDisk,
        write: async (file, piece, position) => {
          if (left <= 0) throw full;
          // As a disk does: some of it fits.
          const written = await realDisk.write(file, piece.subarray(0, Math.min(piece.length, left)), position);
          left -= written;
          return written;
        },
      },
    });
    left = 100_000;
    const answer = await world.patch(token, made, digest, bytes);
    expect([answer.status, await errorOf(answer)]).toEqual([507, 'store_full']);
    const at = Number(answer.headers.get('upload-offset'));
    expect(at).toBeLessThanOrEqual(100_000);
    expect(await offsetOf()).toBe(String(at));
    expect(await world.upload(makeRelease(world.acme, made.files, { version: '3.0.0' }))).toMatchObject({
      status: 507,
      code: 'store_full',
    });
    left = Number.POSITIVE_INFINITY;
    expect((await world.patch(token, made, digest, bytes.subarray(at), at)).status).toBe(204);
    left = 0;
    expect(await world.commit(token, made)).toMatchObject({ status: 507, code: 'store_full' });
    left = Number.POSITIVE_INFINITY;
    expect((await world.commit(token, made)).status).toBe(201);
  });
});

describe('several at once', () => {
  it('send one blob, and nobody spoils the other’s', async () => {
    const other = newPublisher('other');
    await begin({ others: [other] });
    const theirs = makeRelease(other, made.files);
    const { body } = await world.upload(theirs);
    const wrong = bytes.slice().fill(0);
    const [right, spoiled] = await Promise.all([
      world.patch(token, made, digest, bytes),
      world.patch(body.token, theirs, digest, wrong),
    ]);
    expect([right.status, spoiled.status]).toEqual([204, 422]);
    const both = await Promise.all([world.patch(body.token, theirs, digest, bytes), world.commit(token, made)]);
    expect(both.map(({ status }) => status)).toEqual([204, 201]);
    expect((await world.commit(body.token, theirs)).status).toBe(201);
    const blobs = readdirSync(join(world.store, 'blobs'), { recursive: true, encoding: 'utf8' });
    expect(blobs.filter((name) => name.endsWith(digest))).toHaveLength(1);
  });

  it('do not get at a private file by its digest, but by having it', async () => {
    const other = newPublisher('other');
    await begin({ others: [other] });
    await world.publish(made, { visibility: 'private' });
    const theirs = makeRelease(other, made.files);
    const { body } = await world.upload(theirs);
    expect(body.missing).toEqual([{ sha256: digest, size: bytes.length, received: 0 }]);
    expect(await world.commit(body.token, theirs)).toMatchObject({ status: 409, code: 'files_missing' });
    expect((await world.get(`/v1/hub/releases/${theirs.modelId}/files/model.onnx`)).status).toBe(404);
    await world.publish(theirs);
    expect((await world.get(`/v1/hub/releases/${theirs.modelId}/files/model.onnx`)).status).toBe(200);
    // What is public by now is anybody's to name.
    await world.publish(makeRelease(other, made.files, { version: '2.0.0' }));
  });

  it('are as many as there is room for; the next is told to come later', { timeout: 120_000 }, async () => {
    world = await openWorld();
    const parts = Array.from({ length: limits.hubTransfersIn + 1 }, (_, index) => new Uint8Array(1_000).fill(index));
    made = makeRelease(world.acme, new Map(parts.map((part, index) => [`file-${index}`, part])));
    token = (await world.upload(made)).body.token;
    const patch = (part: Uint8Array): Promise<{ readonly status: number }> =>
      new Promise((resolve) => {
        const headers = {
          authorization: `Bearer ${token}`,
          'content-type': 'application/octet-stream',
          'upload-offset': '0',
        };
        const url = `${world.hub.url}/v1/hub/uploads/${made.modelId}/${digestOf(part)}`;
        const sending = request(url, {
          method: 'PATCH',
          headers: { ...headers, 'content-length': 1_000 },
          agent: false,
        });
        sending.on('response', (response) => resolve({ status: response.statusCode ?? 0 }));
        sending.on('error', () => resolve({ status: 0 }));
        sending.write(part.subarray(0, 10));
        open.push(sending);
      });
    const open: ReturnType<typeof request>[] = [];
    for (const part of parts.slice(0, -1)) void patch(part);
    await until(() => arrived() === limits.hubTransfersIn);
    expect(await patch(parts.at(-1) as Uint8Array)).toEqual({ status: 503 });
    for (const sending of open) sending.destroy();
  });
});
