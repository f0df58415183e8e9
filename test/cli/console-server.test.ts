import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readingMethods } from '../../cli/console/chain-proxy.ts';
import { consoleLimits } from '../../cli/console/limits.ts';
import { isPassedOn } from '../../cli/console/paths.ts';
import { refusalCodes } from '../../cli/console/refusal.ts';
import { type ConsoleServer, startConsoleServer } from '../../cli/console/server.ts';
import { assetsOf } from '../../host/console/assets.ts';
import { chainMethods } from '../../host/console/page/connection/chain.ts';
import { utf8 } from '../../wire/bytes.ts';

const ID = 'ab'.repeat(32);
const assets = assetsOf(new Map([['index.html', utf8('<!doctype html>')]]), '1.2.3');

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let host: Server;
let console_: ConsoleServer;
let authority = '';
let seen: Seen[] = [];
let answer: (seen: Seen, response: import('node:http').ServerResponse) => void;

beforeAll(async () => {
  host = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString('latin1') };
      seen.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const upstream = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
  console_ = await startConsoleServer({
    assets,
    host: `${upstream}/under`,
    chain: `${upstream}/node?key=secret`,
    policy: undefined,
    port: 0,
    idleMilliseconds: 300,
  });
  authority = new URL(console_.url).host;
});

afterAll(async () => {
  await console_.close();
  host.closeAllConnections();
  host.close();
});

beforeEach(() => {
  seen = [];
  answer = (_one, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"fine":true}');
});

interface Told {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly code: string | undefined;
}

/** Node's own HTTP, because `fetch` lets nobody choose `Host` and `Sec-Fetch-Site`. */
function ask(
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(console_.url);
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host: authority, ...headers } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      const finish = (): void => {
        const text = Buffer.concat(chunks).toString('utf8');
        const code = /"code":"([a-z_]+)"/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, code });
      };
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', finish);
      response.on('error', () => resolve({ status: 0, headers: {}, body: 'cut off', code: 'cut_off' }));
    });
    sent.end(body);
  });
}

const rpc = (method: string, more: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [], ...more });

describe('who may ask the console’s server', () => {
  it.each([
    'evil.example',
    'localhost.evil.example:80',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost:{port}',
    '[::1]:{port}',
  ])('refuses the name "%s", which may have been made to resolve to it', async (name) => {
    const { port } = new URL(console_.url);
    const told = await ask('/host/v1/workers', { headers: { host: name.replace('{port}', port) } });
    expect([told.status, told.code ?? told.body]).toEqual([421, 'not_this_address']);
    expect((await ask('/', { headers: { host: name } })).status).toBe(421);
    expect(seen).toEqual([]);
  });

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'something-new' },
  ])('refuses another site: %o', async (headers) => {
    for (const path of ['/host/v1/workers', '/chain', '/policy.json', '/']) {
      const told = await ask(path, { method: path === '/chain' ? 'POST' : 'GET', headers: { ...headers } });
      expect([path, told.status, told.code]).toEqual([path, 403, 'other_site']);
    }
    expect(seen).toEqual([]);
  });

  it('answers its own page, and whoever typed its address', async () => {
    const own = { origin: `http://${authority}`, 'sec-fetch-site': 'same-origin' };
    expect((await ask('/host/v1/workers', { headers: own })).body).toBe('{"fine":true}');
    expect((await ask('/', { headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
  });
});

describe('what is passed on to the host', () => {
  it.each([
    ['GET', `/v1/evidence?challenge=${ID}`],
    ['GET', '/v1/workers'],
    ['GET', '/v1/statistics'],
    ['GET', `/v1/releases/${ID}/status`],
    ['GET', `/v1/receipts/${ID}`],
    ['GET', `/v1/receipts/${ID}/places`],
    ['GET', '/v1/log/heads?after=3'],
    ['GET', '/v1/log/tile/0/x001/234.p/5'],
    ['POST', '/v1/sessions'],
    ['POST', `/v1/sessions/${'0'.repeat(32)}/charged`],
    ['POST', '/v2/models/demo/infer'],
  ])('%s %s', async (method, path) => {
    const told = await ask(`/host${path}`, { method, ...(method === 'POST' ? { body: 'sealed' } : {}) });
    expect(told.status).toBe(200);
    expect(seen).toMatchObject([{ method, url: `/under${path}`, body: method === 'POST' ? 'sealed' : '' }]);
  });

  it.each([
    '/v1/other',
    '/v1/releases/short',
    '/metrics',
    '/v1/log/tile/../../../metrics',
    `/v1/releases/${ID}/files/../../../../metrics`,
    '/v1/evidence?challenge=%2e%2e',
    '/v1//workers',
    '/v1/workers/',
    '//elsewhere.example/v1/workers',
    '/v1/workers?a=b#c',
    `/v1/workers?${'a'.repeat(consoleLimits.pathCharacters)}`,
  ])('never %s', async (path) => {
    expect((await ask(`/host${path}`)).code).toBe('not_found');
    expect(seen).toEqual([]);
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'POST'])('no %s where the host takes GET', async (method) => {
    const told = await ask('/host/v1/workers', { method });
    expect(told.status).toBe(405);
    expect(seen).toEqual([]);
    expect(isPassedOn(method, '/v1/workers')).toBe('other-method');
  });

  it('three headers, and nothing that belongs to the browser or the connection', async () => {
    const headers = {
      accept: 'application/json',
      'content-type': 'application/octet-stream',
      'proofmark-request-id': ID,
      cookie: 'of=loopback',
      authorization: 'Basic secret',
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      'x-forwarded-for': '10.0.0.1',
    };
    await ask('/host/v1/sessions', { method: 'POST', headers, body: 'x' });
    const { host: _host, connection: _connection, ...passed } = seen[0]?.headers ?? {};
    expect(passed).toEqual({
      accept: 'application/json',
      'content-type': 'application/octet-stream',
      'proofmark-request-id': ID,
      'content-length': '1',
    });
  });

  it('no body that is too large, whether that is said before or shows as it comes', async () => {
    const headers = { 'content-length': String(consoleLimits.requestBytes + 1) };
    const said = await ask('/host/v1/sessions', { method: 'POST', headers });
    const chain = await ask('/chain', { method: 'POST', body: 'x'.repeat(consoleLimits.chainRequestBytes + 1) });
    expect([said.code, chain.code]).toEqual(['request_too_large', 'request_too_large']);
    expect(seen).toEqual([]);
  });
});

describe('what comes back from the host', () => {
  it('is data on this origin, whatever the host calls it', async () => {
    answer = (_one, response) =>
      response
        .writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'a=b', 'content-security-policy': 'script-src *' })
        .end('<script>alert(1)</script>');
    const { headers } = await ask('/host/v1/workers');
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    });
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('keeps its status and its code', async () => {
    answer = (_one, response) =>
      response
        .writeHead(429, { 'content-type': 'application/json', 'retry-after': '3' })
        .end('{"code":"rate_limited"}');
    const told = await ask('/host/v1/workers');
    expect([told.status, told.code, told.headers['retry-after']]).toEqual([429, 'rate_limited', '3']);
  });

  it('comes in pieces as the host sends them', async () => {
    let finish = (): void => {};
    answer = (_one, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      finish = () => response.end('data: last\n\n');
    };
    const response = await fetch(`${console_.url}host/v1/workers`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const first = await reader.read();
    expect(new TextDecoder().decode(first.value)).toBe('data: first\n\n');
    finish();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: last\n\n');
  });

  it.each([301, 302, 303, 307, 308])('is no answer where the host sends elsewhere with %d', async (status) => {
    answer = (_one, response) => response.writeHead(status, { location: '/node' }).end();
    expect((await ask('/host/v1/workers')).code).toBe('upstream_redirected');
    expect(seen).toHaveLength(1);
  });

  it('is refused where it is too large, and where nothing comes', async () => {
    answer = (_one, response) =>
      response.writeHead(200, { 'content-length': consoleLimits.answerBytes + 1 }).write('x');
    expect((await ask('/host/v1/workers')).code).toBe('upstream_too_large');
    answer = () => {};
    expect((await ask('/host/v1/workers')).code).toBe('upstream_timeout');
    answer = (_one, response) => response.destroy();
    expect((await ask('/host/v1/workers')).code).toBe('upstream_unreachable');
  });
});

describe('what is passed on to the chain', () => {
  it.each(readingMethods)('%s', async (method) => {
    answer = (_one, response) => response.writeHead(200).end('{"jsonrpc":"2.0","id":1,"result":"0x1"}');
    const told = await ask('/chain', { method: 'POST', body: rpc(method, { params: ['0x1', { to: ID }] }) });
    expect([told.status, told.headers['content-type']]).toEqual([200, 'application/json']);
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/node?key=secret' });
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ jsonrpc: '2.0', id: 1, method, params: ['0x1', { to: ID }] });
  });

  it.each([
    rpc('eth_sendRawTransaction'),
    rpc('eth_sendTransaction'),
    rpc('eth_sign'),
    rpc('personal_unlockAccount'),
    rpc('anvil_setBalance'),
    rpc('debug_traceCall'),
    rpc('eth_call '),
    rpc('eth_call', { more: 1 }),
    `[${rpc('eth_chainId')}]`,
    '{"method":"eth_chainId","method":"eth_sendTransaction","jsonrpc":"2.0","id":1,"params":[]}',
    'not json',
    '',
  ])('never %s', async (body) => {
    expect((await ask('/chain', { method: 'POST', body })).code).toBe('request_invalid');
    expect(seen).toEqual([]);
  });

  it('is asked by POST alone', async () => {
    expect((await ask('/chain')).code).toBe('method_not_allowed');
  });

  it('is what the page may ask, by one list in both', () => {
    expect(readingMethods).toEqual(chainMethods);
  });
});

describe('the console’s own server', () => {
  it('says to its page what it is, and never the address of the chain’s node', async () => {
    const about = await ask('/console.json');
    expect(JSON.parse(about.body)).toEqual({
      servedBy: 'package',
      base: '/host',
      chain: true,
      policy: false,
      target: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/under$/) as string,
      version: '1.2.3',
      digest: assets.digest,
    });
    expect(about.body).not.toContain('secret');
  });

  it('has nothing at other paths', async () => {
    for (const path of ['/other', '/host', '/chain/', '/../package.json', '*']) {
      expect((await ask(path)).code, path).toBe('not_found');
    }
  });

  it('has a test for every no', () => {
    expect(refusalCodes).toEqual([
      ...['not_this_address', 'other_site', 'not_found', 'method_not_allowed', 'request_invalid', 'request_too_large'],
      ...['upstream_unreachable', 'upstream_redirected', 'upstream_too_large', 'upstream_timeout'],
    ]);
  });
});
