import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubOptionError, hubUsage, readHubOptions } from '../../../host/hub/options.ts';
import { fromBase64url, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { signP256 } from '../../../wire/crypto/node-sign.ts';
import { contentsPreimage, encodeUpload, uploadMessage } from '../../../wire/message/hub.ts';
import { command } from '../../support/command.ts';
import { type HubProcess, startHubProcess } from './support/process.ts';
import { digestOf, type Made, makeRelease, newPublisher, signedStatus, writePeople } from './support/world.ts';

const ORIGIN = 'https://hub.example';
const acme = newPublisher('acme');
let directory = '';
let hub: HubProcess | undefined;

const start = async (more: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<HubProcess> => {
  const places = ['--store', join(directory, 'store'), '--publishers', join(directory, 'publishers.json')];
  hub = await startHubProcess([...places, '--listen', '127.0.0.1:0', '--origin', ORIGIN, ...more], env);
  return hub;
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-hub-process-'));
  writePeople(directory, [acme], []);
});
afterEach(async () => {
  await hub?.end('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it never came about');
}

async function upload({ url }: HubProcess, made: Made): Promise<{ readonly status: number; readonly token: string }> {
  const challenge = await fetch(`${url}/v1/hub/challenges`, { method: 'POST' });
  const nonce = fromBase64url(((await challenge.json()) as { readonly nonce: string }).nonce);
  const { contents, signed } = made;
  const fields = { hub: sha256(utf8(ORIGIN)), nonce, modelId: sha256(signed.manifest), visibility: 'public' } as const;
  const authorisation = signP256(acme.key, uploadMessage({ ...fields, contents: sha256(contentsPreimage(contents)) }));
  const body = Buffer.from(encodeUpload({ release: signed, visibility: 'public', contents, nonce, authorisation }));
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/hub/uploads`, { method: 'POST', headers, body });
  return { status: answer.status, token: ((await answer.json()) as { readonly token: string }).token };
}

describe('a hub that is killed', () => {
  it('loses nothing that it acknowledged, and goes on where the file was', { timeout: 300_000 }, async () => {
    const bytes = new Uint8Array(randomBytes(6_000_000));
    const made = makeRelease(acme, new Map([['model.onnx', bytes]]));
    let running = await start();
    let { token } = await upload(running, made);
    const path = `/v1/hub/uploads/${made.modelId}/${digestOf(bytes)}`;
    const offsetOf = async (): Promise<number> => {
      const answer = await fetch(running.url + path, { method: 'HEAD', headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(204);
      return Number(answer.headers.get('upload-offset'));
    };
    let last = 0;
    for (const share of [1_000_000, 2_500_000, 4_000_000]) {
      const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      const head = `PATCH ${path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer ${token}\r\nUpload-Offset: ${last}\r\n`;
      socket.write(`${head}Content-Type: application/octet-stream\r\nContent-Length: ${bytes.length - last}\r\n\r\n`);
      await new Promise((resolve) => socket.write(bytes.subarray(last, share), resolve));
      const part = join(directory, 'store', 'parts', made.modelId, digestOf(bytes));
      await until(() => existsSync(part) && statSync(part).size > last);
      await running.end('SIGKILL');
      socket.destroy();
      // The token is on the disk, as what arrived is.
      running = await start();
      const at = await offsetOf();
      expect(at).toBeGreaterThan(last);
      expect(at).toBeLessThanOrEqual(share);
      last = at;
    }
    ({ token } = await upload(running, made));
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/octet-stream',
      'upload-offset': `${last}`,
    };
    const rest = await fetch(running.url + path, { method: 'PATCH', headers, body: Buffer.from(bytes.subarray(last)) });
    expect(rest.status).toBe(204);
    await running.end('SIGKILL');
    running = await start();
    const authorization = `Bearer ${token}`;
    const commit = await fetch(`${running.url}/v1/hub/uploads/${made.modelId}/commit`, {
      method: 'POST',
      headers: { authorization },
    });
    expect(commit.status).toBe(201);
    await running.end('SIGKILL');
    running = await start();
    const served = await fetch(`${running.url}/acme/demo/resolve/main/model.onnx`);
    expect(digestOf(new Uint8Array(await served.arrayBuffer()))).toBe(digestOf(bytes));
    const put = (status: Uint8Array): Promise<Response> =>
      fetch(`${running.url}/v1/hub/releases/${made.modelId}/status`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(status),
      });
    expect((await put(signedStatus(made, 'yanked', 7n))).status).toBe(204);
    await running.end('SIGKILL');
    running = await start();
    expect((await put(signedStatus(made, 'active', 6n))).status).toBe(409);
    expect((await fetch(`${running.url}/acme/demo/resolve/main/model.onnx`)).status).toBe(404);
  });
});

describe('proofmark hub', () => {
  it('reads its list again, tells figures to its operator, and stops when it is told to', async () => {
    const running = await start(['--metrics', '127.0.0.1:0']);
    const made = makeRelease(acme, new Map([['model.onnx', new Uint8Array(10)]]));
    expect((await upload(running, made)).status).toBe(201);
    const page = await (await fetch(`${running.metrics}/metrics`)).text();
    expect(page).toContain('\nproofmark_hub_uploads 1\n');
    expect(page).toContain('proofmark_hub_requests_total{kind="change",status="2xx"} 2');
    const browsers = await fetch(`${running.metrics}/metrics`, { headers: { origin: 'https://page.example' } });
    expect(browsers.status).toBe(403);
    writePeople(directory, [], []);
    running.child.kill('SIGHUP');
    await until(() => running.log.some(({ event }) => event === 'reloaded'));
    expect((await upload(running, made)).status).toBe(403);
    expect(await running.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(running.log.map(({ event }) => event)).toEqual(['listening', 'upload_opened', 'reloaded', 'stopped']);
    // Neither a token nor a path of the machine is in the log.
    expect(JSON.stringify(running.log)).not.toContain(directory);
  });

  it('takes its options from flags, and from the environment where there is no flag', () => {
    const required = ['--store', 's', '--publishers', 'p', '--listen', '[::1]:80'];
    expect(
      readHubOptions(required, { PROOFMARK_HUB_STORE: 'other', PROOFMARK_HUB_STORE_GIGABYTES: '3', PATH: 'x' }),
    ).toEqual({
      store: 's',
      publishers: 'p',
      listen: { host: '::1', port: 80 },
      origin: 'own-address',
      storeBytes: 3 * 2 ** 30,
      trustedProxies: 0,
      drainMs: 10_000,
      logLevel: 'info',
    });
    expect(readHubOptions([...required, '--address-rate', 'any', '--metrics', 'localhost:9'], {})).toMatchObject({
      rates: 'any',
      metrics: { host: 'localhost', port: 9 },
    });
  });

  it.each([
    ['--store is missing', ['--publishers', 'p', '--listen', 'a:1']],
    ['an unknown flag', ['--stor', 's']],
    ['no port', ['--listen', 'localhost']],
    ['a port too high', ['--listen', 'localhost:65536']],
    ['an origin with a path', ['--origin', 'https://hub.example/']],
    ['an origin of another kind', ['--origin', 'ftp://hub.example']],
    ['half a gigabyte', ['--store-gigabytes', '0.5']],
    ['a proxy less than none', ['--trusted-proxies', '-1']],
    ['a level that is none', ['--log-level', 'debug']],
  ])('refuses %s', (name, args) => {
    const required = name === '--store is missing' ? [] : ['--store', 's', '--publishers', 'p', '--listen', 'a:1'];
    expect(() => readHubOptions([...required, ...args], {})).toThrow(HubOptionError);
  });

  it('refuses a variable that is no option, by its name', () => {
    expect(() => readHubOptions([], { PROOFMARK_HUB_STOER: 'x' })).toThrow('PROOFMARK_HUB_STOER is no option');
  });

  it('says what is wrong in one line', async () => {
    expect((await command('help', '--all')).out).toContain(hubUsage);
    expect(await command('hub', '--store', directory)).toMatchObject({
      code: 2,
      err: 'proofmark: --listen: required\n',
    });
    writeFileSync(join(directory, 'bad.json'), '{"version":1,"publishers":[],"readers":[],"more":1}');
    const bad = [
      '--publishers',
      join(directory, 'bad.json'),
      '--store',
      join(directory, 's'),
      '--listen',
      '127.0.0.1:0',
    ];
    const failed = await command('hub', ...bad);
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(/^proofmark: publishers_invalid: .*field_unknown.*\n$/);
  });
});
