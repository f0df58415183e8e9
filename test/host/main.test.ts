import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOptions } from '../../host/options/read.ts';
import { helpText } from '../../host/options/table.ts';
import { fromBase64url, toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { bundleFromHeader, decodeBundle } from '../../wire/message/bundle.ts';
import { linkKind } from '../../wire/message/link.ts';
import { encodeManifest } from '../../wire/message/manifest.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { decodeRequestHeader } from '../../wire/message/request.ts';
import { verifyInclusion } from '../../wire/tree/index.ts';
import { random, testConfiguration } from '../support/fake-log.ts';
import { testManifest } from '../support/fake-release.ts';
import { type FakeWorker, startFakeWorker } from '../support/fake-worker.ts';
import { raw, serve, until } from './support/served.ts';

const MAIN = join(import.meta.dirname, '../../host/main.ts');

let directory: string;
let worker: FakeWorker | undefined;
let child: ChildProcessWithoutNullStreams | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-main-'));
  writeFileSync(join(directory, 'configuration.cbor'), testConfiguration());
  writeRelease();
});

afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await worker?.close();
  worker = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function writeRelease(place = 'release', name = 'demo'): void {
  const files = [random(1_000), random(3)];
  const manifest = testManifest(files, { name });
  const folder = join(directory, place);
  mkdirSync(folder, { recursive: true });
  for (const [number, { path }] of manifest.files.entries())
    writeFileSync(join(folder, path), files[number] as Uint8Array);
  writeFileSync(join(folder, 'manifest.json'), encodeManifest(manifest));
  writeFileSync(join(folder, 'owner.hex'), `${toHex(manifest.owner)}\n`);
  writeFileSync(join(folder, 'signature.hex'), `${'01'.repeat(64)}\n`);
}

function argumentsFor(port: number): readonly string[] {
  return [
    ...['--link', join(directory, 'worker.sock'), '--state', join(directory, 'state')],
    ...['--listen', `127.0.0.1:${port}`, '--configuration', join(directory, 'configuration.cbor')],
    ...['--release', join(directory, 'release')],
  ];
}

interface Started {
  readonly process: ChildProcessWithoutNullStreams;
  readonly url: string;
  readonly exit: Promise<number | null>;
}

async function start(args: readonly string[]): Promise<Started> {
  const started = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args]);
  child = started;
  started.stderr.resume();
  const exit = new Promise<number | null>((resolve) => started.on('exit', resolve));
  for await (const line of createInterface({ input: started.stdout })) {
    const { ready, url } = JSON.parse(line) as { ready: boolean; url: string };
    expect(ready).toBe(true);
    return { process: started, url, exit };
  }
  throw new Error('the host ended before it was ready');
}

async function infer(url: string): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v2/models/demo/infer`, { method: 'POST', headers, body: '{}' });
  expect(response.status).toBe(200);
  return response;
}

describe('host/main.ts', () => {
  it('A7: after kill -9 it comes back on its port, and its log proves every receipt that a client has seen', async () => {
    worker = await startFakeWorker(join(directory, 'worker.sock'));
    const first = await start(argumentsFor(0));
    expect(worker.models).toHaveLength(1);
    const seen = new Map<string, Uint8Array>();
    const client = (async () => {
      // Ends when the host is killed in the middle of an answer.
      for (;;) {
        const { headers } = await infer(first.url);
        const { requestId } = decodeRequestHeader(fromBase64url(headers.get('proofmark-request') ?? ''));
        seen.set(toHex(requestId), bundleFromHeader(headers.get('proofmark-receipt') ?? '').receipt);
        if (seen.size === 30) first.process.kill('SIGKILL');
      }
    })();
    await expect(client).rejects.toThrow();
    await first.exit;

    const again = await start(argumentsFor(Number(new URL(first.url).port)));
    expect(again.url).toBe(first.url);
    await infer(again.url);
    for (const [requestId, receipt] of seen) {
      const response = await fetch(`${again.url}/v1/receipts/${requestId}`);
      const bundle = decodeBundle(new Uint8Array(await response.arrayBuffer()));
      expect(bundle.receipt).toEqual(receipt);
      const head = decodeTreeHead(bundle.head);
      const index = Number(decodeReceipt(receipt).index);
      const claim = { leafHash: sha256(leafPreimage(receipt)), index, size: head.size, proof: bundle.proof };
      expect(await verifyInclusion(nodeSuite, { ...claim, root: head.root })).toBe(true);
    }
    expect(worker.log.size).toBeGreaterThanOrEqual(31);
    await until(() => worker?.acknowledged === worker?.log.size);

    again.process.kill('SIGTERM');
    expect(await again.exit).toBe(0);
  });

  it('logs requests without a word of theirs, and reads releases and keys again at SIGHUP', async () => {
    worker = await startFakeWorker(join(directory, 'worker.sock'));
    const keyFile = join(directory, 'keys.json');
    const writeKey = (secret: string): void => {
      const hash = toHex(sha256(new TextEncoder().encode(secret)));
      const keys = [{ name: 'alice', sha256: hash, perSecond: 'any', burst: 1 }];
      writeFileSync(keyFile, JSON.stringify({ version: 1, keys }));
    };
    writeKey('secret-5f1b');
    const config = join(directory, 'host.json');
    writeFileSync(config, JSON.stringify({ 'api-keys': 'keys.json', releases: 'more', 'log-level': 'access' }));
    mkdirSync(join(directory, 'more'));
    const host = await start([...argumentsFor(0), '--config', config]);
    let log = '';
    host.process.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    const ask = async (model: string, secret: string): Promise<number> => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
      const path = `/v2/models/${encodeURIComponent(model)}/infer?q=query-5f1b`;
      return (await fetch(host.url + path, { method: 'POST', headers, body: '{"a":"body-5f1b"}' })).status;
    };
    expect(await ask('demo', 'secret-5f1b')).toBe(200);
    expect(await ask('path-5f1b\n{"event":"forged"}', 'secret-5f1b')).toBe(404);
    expect(await ask('demo', 'guess-5f1b')).toBe(401);
    expect(await ask('later', 'secret-5f1b')).toBe(404);
    writeRelease('more/later', 'later');
    writeKey('other-5f1b');
    host.process.kill('SIGHUP');
    await until(() => log.includes('"event":"reloaded"'));
    expect(await ask('later', 'other-5f1b')).toBe(200);
    expect(await ask('later', 'secret-5f1b')).toBe(401);
    writeFileSync(keyFile, '{"version":1,"keys":[{"name":"alice","key":"leaked-5f1b"}]}');
    host.process.kill('SIGHUP');
    await until(() => log.includes('"event":"reload_failed"'));
    expect(await ask('demo', 'other-5f1b')).toBe(200);
    host.process.kill('SIGTERM');
    expect(await host.exit).toBe(0);
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ event }) => event === 'request').map(({ route, status }) => [route, status])).toEqual([
      ['/v2/models/:/infer', 200],
      ['/v2/models/:/infer', 404],
      ['/v2/models/:/infer', 401],
      ['/v2/models/:/infer', 404],
      ['/v2/models/:/infer', 200],
      ['/v2/models/:/infer', 401],
      ['/v2/models/:/infer', 200],
    ]);
    for (const line of lines) expect(line).toMatchObject({ time: expect.any(String), level: expect.any(String) });
    expect(log).not.toMatch(/5f1b|forged/);
  });

  it('prints its options and ends', async () => {
    const started = spawn(process.execPath, ['--import', 'tsx', MAIN, '--help']);
    child = started;
    let said = '';
    started.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    expect(await new Promise((resolve) => started.on('close', resolve))).toBe(0);
    expect(said).toBe(helpText());
  });

  it('says in one line why it does not start', async () => {
    const started = spawn(process.execPath, ['--import', 'tsx', MAIN, '--trust-me']);
    child = started;
    let said = '';
    started.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    expect(await new Promise((resolve) => started.on('close', resolve))).toBe(1);
    expect(JSON.parse(said.trim())).toMatchObject({ event: 'start_failed', code: 'arguments_invalid' });
  });

  it.each([
    ['no arguments', () => [], 'arguments_invalid'],
    ['an unknown argument', () => [...argumentsFor(0), '--trust-me'], 'arguments_invalid'],
    ['an address that is none', () => [...argumentsFor(0), '--listen', 'here'], 'arguments_invalid'],
    ['a port that is none', () => [...argumentsFor(0), '--listen', '127.0.0.1:65536'], 'arguments_invalid'],
    ['a configuration that is none', () => [...argumentsFor(0), '--configuration', MAIN], 'configuration_invalid'],
    ['a release that is none', () => [...argumentsFor(0), '--release', directory], 'release_invalid'],
  ])('refuses %s', (_, args, code) => {
    expect(() => readOptions(args())).toThrow(expect.objectContaining({ code }));
  });

  it('takes an IPv6 address, and a release with all that belongs to it', async () => {
    const options = readOptions([...argumentsFor(0), '--listen', '[::1]:80']);
    expect(options.listen).toEqual({ host: '::1', port: 80 });
    const pieces: number[] = [];
    for await (const piece of options.releases[0]?.read(0) ?? []) pieces.push(piece.length);
    expect(pieces).toEqual([1_000]);
  });

  it('refuses a release whose file is not a plain one', () => {
    rmSync(join(directory, 'release', 'file-1.bin'));
    mkdirSync(join(directory, 'release', 'file-1.bin'));
    expect(() => readOptions(argumentsFor(0))).toThrow(expect.objectContaining({ code: 'release_invalid' }));
  });
});

describe('R15: draining', () => {
  it('lets requests under way finish, refuses new ones, and then stops', async () => {
    const served = await serve({}, { delayMs: 150 });
    const underWay = infer(served.host.url);
    await until(() => served.worker.received.some(({ kind }) => kind === linkKind.plain));
    const kept = raw(served.host.url, 'GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([underWay, served.stop()]);
    expect(await kept).toMatch(/^HTTP\/1.1 200 /);
    await expect(fetch(served.host.url)).rejects.toThrow();
    expect(served.events.map(({ event }) => event)).toContain('stopped');
  });

  it('cuts off what does not finish', async () => {
    const served = await serve({ drainMs: 200 });
    served.worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const stuck = fetch(`${served.host.url}/v2/models/demo/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    stuck.catch(() => undefined);
    await until(() => served.worker.received.some(({ kind }) => kind === linkKind.plain));
    await served.stop();
    await expect(stuck).rejects.toThrow();
  });
});
