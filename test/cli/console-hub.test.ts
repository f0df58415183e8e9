import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hubPaths, isPassedOn } from '../../cli/console/paths.ts';
import { type ConsoleServer, startConsoleServer } from '../../cli/console/server.ts';
import { assetsOf } from '../../host/console/assets.ts';
import { utf8 } from '../../wire/bytes.ts';

const ID = 'ab'.repeat(32);
const assets = assetsOf(new Map([['index.html', utf8('<!doctype html>')]]), '1.2.3');
let seen: string[] = [];
let connections = 0;
let upstream: Server;
let served: ConsoleServer;
let alone: ConsoleServer;

beforeAll(async () => {
  upstream = createServer((incoming, response) => {
    const { socket } = incoming;
    seen.push(`${incoming.method} ${incoming.url}`);
    response.on('finish', () => {
      // As a server does whose patience with an idle connection ends just when it is used again.
      socket.once('data', () => socket.destroy());
    });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"fine":true}');
  });
  upstream.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const host = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const options = { assets, host, chain: undefined, policy: undefined, port: 0 };
  served = await startConsoleServer({ ...options, hub: `${host}/hub-of-mine` });
  alone = await startConsoleServer(options);
});

afterAll(async () => {
  await served.close();
  await alone.close();
  upstream.closeAllConnections();
  upstream.close();
});

async function ask(path: string, { server = served, method = 'GET' } = {}): Promise<string> {
  seen = [];
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const { host, port } = new URL(server.url);
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.end();
  });
  return `${status} ${/"code":"([a-z_]+)"/.exec(body)?.[1] ?? body}`;
}

describe('what a console passes on to a hub', () => {
  it.each([
    '/v1/hub/search?q=two%20words&cursor=12',
    '/v1/hub/models/acme/model',
    `/v1/hub/releases/${ID}`,
    `/v1/hub/releases/${ID}/files/samples/one.request.json`,
  ])('is %s', async (path) => {
    expect(await ask(`/hub${path}`)).toBe('200 {"fine":true}');
    expect(seen).toContain(`GET /hub-of-mine${path}`);
  });

  it.each([
    '/v1/hub/uploads',
    '/v1/hub/challenges',
    `/v1/hub/releases/${ID}/status`,
    `/v1/hub/releases/${ID}/files/../../x`,
    '/v1/hub/models/acme/model/x',
    '/v1/hub/search?q=<b>',
    '/api/models',
    '/',
  ])('is not %s', async (path) => {
    expect(await ask(`/hub${path}`)).toBe('404 not_found');
    expect(seen).toEqual([]);
  });

  it('is nothing that writes', async () => {
    expect(isPassedOn('PUT', `/v1/hub/releases/${ID}`, hubPaths)).toBe('other-method');
    expect(await ask(`/hub/v1/hub/releases/${ID}`, { method: 'POST' })).toBe('405 method_not_allowed');
  });

  it('is nothing where no hub was named, and its page knows', async () => {
    expect(await ask('/hub/v1/hub/search?q=', { server: alone })).toBe('404 not_found');
    expect(await ask('/console.json', { server: alone })).not.toContain('"hub"');
    expect(await ask('/console.json')).toContain('"hub":true');
  });

  it('is asked again where a kept connection was closed under it', async () => {
    const before = connections;
    const path = `/hub/v1/hub/releases/${ID}`;
    expect(await ask(path)).toBe('200 {"fine":true}');
    expect(await ask(path)).toBe('200 {"fine":true}');
    expect(await ask(path)).toBe('200 {"fine":true}');
    expect(connections).toBeGreaterThan(before);
  });
});
