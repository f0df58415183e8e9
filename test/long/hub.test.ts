import { createCipheriv, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url, fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { contentsPreimage, encodeUpload, uploadMessage } from '../../wire/message/hub.ts';
import { type HubProcess, startHubProcess } from '../host/hub/support/process.ts';
import { newPublisher, sign, writePeople } from '../host/hub/support/world.ts';
import { testManifest } from '../support/fake-release.ts';

/**
 * A gigabyte up and a gigabyte down, each cut in the middle and resumed, and what it costs the hub's process in memory: the
 * highest resident size that the kernel saw while it happened (VmHWM, set back when the hub was ready), less what the process
 * had when it was idle before. The file exists nowhere but in the store: both ends make and check it a piece at a time.
 */
const SIZE = 2 ** 30;
const PIECE = 2 ** 20;
const BOUND = 100 * 2 ** 20;

/** Bytes that no file system makes smaller, the same ones each time. */
function* pieces(from: number): Generator<Buffer> {
  const zeros = Buffer.alloc(PIECE);
  for (let index = Math.floor(from / PIECE); index * PIECE < SIZE; index++) {
    const counter = Buffer.alloc(16);
    counter.writeUInt32BE(index + 1, 4);
    const piece = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), counter).update(zeros);
    yield index * PIECE < from ? piece.subarray(from % PIECE) : piece;
  }
}

describe('a gigabyte through a hub', () => {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-hub-long-'));
  const acme = newPublisher('acme');
  let hub: HubProcess;
  let digest = '';

  beforeAll(async () => {
    writePeople(directory, [acme], []);
    const hash = createHash('sha256');
    for (const piece of pieces(0)) hash.update(piece);
    digest = hash.digest('hex');
    const paths = ['--store', join(directory, 'store'), '--publishers', join(directory, 'publishers.json')];
    hub = await startHubProcess([...paths, '--listen', '127.0.0.1:0']);
  });
  afterAll(async () => {
    await hub.end('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  });

  const memory = (name: 'VmRSS' | 'VmHWM'): number => {
    const status = readFileSync(`/proc/${hub.child.pid}/status`, 'utf8');
    return 1_024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  };

  it('goes up and comes down in little memory', { timeout: 1_200_000 }, async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const idle = memory('VmRSS');
    writeFileSync(`/proc/${hub.child.pid}/clear_refs`, '5');
    const { modelId, token } = await begin();
    const target = `${hub.url}/v1/hub/uploads/${modelId}/${digest}`;
    const authorization = `Bearer ${token}`;

    const first = await send(target, authorization, 0, SIZE / 2);
    expect(first).toBe('cut');
    const head = await fetch(target, { method: 'HEAD', headers: { authorization } });
    const offset = Number(head.headers.get('upload-offset'));
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThanOrEqual(SIZE / 2);
    expect(await send(target, authorization, offset, SIZE)).toBe(204);
    const commit = await fetch(`${hub.url}/v1/hub/uploads/${modelId}/commit`, {
      method: 'POST',
      headers: { authorization },
    });
    expect(commit.status).toBe(201);
    const up = memory('VmHWM');

    writeFileSync(`/proc/${hub.child.pid}/clear_refs`, '5');
    const hash = createHash('sha256');
    const path = `${hub.url}/acme/demo/resolve/main/model.onnx`;
    const received = await receive(path, {}, SIZE / 2, hash);
    expect(received).toBeGreaterThanOrEqual(SIZE / 2);
    const rest = await receive(path, { range: `bytes=${received}-`, 'if-range': `"${digest}"` }, SIZE, hash);
    expect(received + rest).toBe(SIZE);
    expect(hash.digest('hex')).toBe(digest);
    const whole = createHash('sha256');
    expect(await receive(path, {}, SIZE + 1, whole)).toBe(SIZE);
    expect(whole.digest('hex')).toBe(digest);
    const down = memory('VmHWM');

    const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
    console.log(`idle ${mebibytes(idle)} MiB, upload ${mebibytes(up)} MiB, download ${mebibytes(down)} MiB at most`);
    expect(up - idle).toBeLessThan(BOUND);
    expect(down - idle).toBeLessThan(BOUND);
  });

  async function begin(): Promise<{ readonly modelId: string; readonly token: string }> {
    const contents = [{ path: 'model.onnx', size: SIZE, sha256: fromHex(digest, 32) }];
    const manifest = { ...testManifest([]), owner: acme.owner, files: contents, entry: 'model.onnx' };
    const { modelId, signed } = sign(acme, manifest);
    const challenge = await fetch(`${hub.url}/v1/hub/challenges`, { method: 'POST' });
    const nonce = fromBase64url(((await challenge.json()) as { readonly nonce: string }).nonce);
    const fields = {
      hub: sha256(utf8(hub.url)),
      nonce,
      modelId: sha256(signed.manifest),
      visibility: 'public',
    } as const;
    const message = uploadMessage({ ...fields, contents: sha256(contentsPreimage(contents)) });
    const authorisation = signP256(acme.key, message);
    const body = encodeUpload({ release: signed, visibility: 'public', contents, nonce, authorisation });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${hub.url}/v1/hub/uploads`, { method: 'POST', headers, body: Buffer.from(body) });
    expect(answer.status).toBe(201);
    expect(toHex(sha256(signed.manifest))).toBe(modelId);
    return { modelId, token: ((await answer.json()) as { readonly token: string }).token };
  }

  /** Sends from an offset, and ends the connection when so much of the file was sent. */
  async function send(url: string, authorization: string, offset: number, until: number): Promise<number | 'cut'> {
    const headers = {
      authorization,
      'content-type': 'application/octet-stream',
      'upload-offset': offset,
      'content-length': SIZE - offset,
    };
    const sending = request(url, { method: 'PATCH', headers, agent: false });
    const answered = new Promise<number | 'cut'>((resolve) => {
      sending.once('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sending.once('error', () => resolve('cut'));
    });
    let at = offset;
    for (const piece of pieces(offset)) {
      if (at >= until) {
        sending.destroy();
        return answered;
      }
      at += piece.length;
      if (!sending.write(piece)) await new Promise((resolve) => sending.once('drain', resolve));
    }
    sending.end();
    return answered;
  }

  /** Hashes what comes, and ends the connection when it was so much. */
  async function receive(
    url: string,
    headers: Record<string, string>,
    until: number,
    hash: ReturnType<typeof createHash>,
  ): Promise<number> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { headers, agent: false }, resolve).once('error', reject);
    });
    expect(response.statusCode).toBe(headers['range'] === undefined ? 200 : 206);
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      hash.update(chunk);
      received += chunk.length;
      if (received >= until) break;
    }
    return received;
  }
});
