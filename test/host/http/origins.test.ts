import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiKey } from '../../../host/http/keys.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { raw, type Served, serve } from '../support/served.ts';

const PAGE = 'https://page.example';
const OTHER = 'https://other.example';
const KEY = 'pm_0123456789abcdef0123456789abcdef';

let listed: Served;
let open: Served;
let closed: Served;

beforeAll(async () => {
  const apiKeys: readonly ApiKey[] = [{ name: 'page', sha256: sha256(utf8(KEY)), perSecond: 'any', burst: 1 }];
  [listed, open, closed] = await Promise.all([
    serve({ allowedOrigins: ['https://first.example', PAGE], apiKeys }),
    serve({ allowedOrigins: 'any' }),
    serve(),
  ]);
});

afterAll(() => Promise.all([listed, open, closed].map((served) => served.stop())));

/** As bytes on the wire: fetch lets nobody set an origin, and hides none of what it is told. */
async function ask(served: Served, method: string, path: string, headers: Readonly<Record<string, string>>) {
  const lines = Object.entries({ host: 'h', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const [head = ''] = (await raw(served.host.url, [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'))).split(
    '\r\n\r\n',
  );
  const [status = '', ...rest] = head.split('\r\n');
  const told = new Map(
    rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const cors = [...told].filter(([name]) => name.startsWith('access-control-') || name === 'vary');
  return { status: Number(status.split(' ')[1]), cors: Object.fromEntries(cors), told };
}

const preflight = (origin: string) => ({ origin, 'access-control-request-method': 'POST' });
const readable = {
  'access-control-expose-headers': 'Proofmark-Request, Proofmark-Receipt, Proofmark-Log, Retry-After',
};

describe('a page of an allowed origin', () => {
  it.each([
    '/v1/sessions',
    `/v1/sessions/${'0'.repeat(32)}/charged`,
    '/v1/evidence',
    '/v1/chat/completions',
    '/v1/workers',
  ])('is told what it may send to %s, without a key', async (path) => {
    const { status, cors, told } = await ask(listed, 'OPTIONS', path, preflight(PAGE));
    expect(status).toBe(204);
    expect(cors).toEqual({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'Content-Type, Accept, Proofmark-Request-Id, Authorization',
      'access-control-max-age': '3600',
      vary: 'Origin',
    });
    expect(told.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    ['GET', '/v1/workers', 200],
    ['GET', '/v1/log/nothing', 404],
    ['POST', '/v1/sessions', 401],
    ['GET', `/v1/responses/${'0'.repeat(64)}`, 401],
    ['DELETE', '/v1/workers', 401],
    ['OPTIONS', '/v1/workers', 401],
  ])('may read the answer to %s %s, also a refusal', async (method, path, status) => {
    const answered = await ask(listed, method, path, { origin: PAGE, 'content-length': '0' });
    expect(answered).toMatchObject({ status });
    expect(answered.cors).toEqual({ 'access-control-allow-origin': PAGE, vary: 'Origin', ...readable });
  });

  it('reads the answers of the router as well, with its key', async () => {
    const { status, cors, told } = await ask(listed, 'GET', `/v1/responses/${'0'.repeat(64)}`, {
      origin: PAGE,
      authorization: `Bearer ${KEY}`,
    });
    expect(status).toBe(404);
    expect(cors).toEqual({ 'access-control-allow-origin': PAGE, vary: 'Origin', ...readable });
    expect(told.get('content-type')).toContain('json');
  });

  it('is every page where the operator said any', async () => {
    expect((await ask(open, 'GET', '/v1/workers', { origin: OTHER })).cors).toEqual({
      'access-control-allow-origin': '*',
      ...readable,
    });
    expect(await ask(open, 'OPTIONS', '/v1/sessions', preflight('null'))).toMatchObject({ status: 204 });
  });
});

describe('a page of another origin', () => {
  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['GET', '/v1/workers', { origin: OTHER }],
    ['GET', '/v1/workers', { origin: `${PAGE}.evil.example` }],
    ['GET', '/v1/workers', { origin: 'null' }],
    ['GET', '/v1/workers', { origin: 'https://PAGE.example' }],
    ['POST', '/v1/sessions', { origin: OTHER, 'content-length': '0' }],
    ['OPTIONS', '/v1/sessions', preflight(OTHER)],
    ['OPTIONS', '/v1/workers', preflight('http://page.example')],
    ['GET', '/v1/workers', {}],
  ])('gets nothing more than today: %s %s %o', async (method, path, headers) => {
    const { origin: _, ...without } = headers;
    const [asked, today] = [await ask(listed, method, path, headers), await ask(listed, method, path, without)];
    expect(asked.cors).toEqual({});
    expect([asked.status, [...asked.told.keys()]]).toEqual([today.status, [...today.told.keys()]]);
  });

  it('is every page where no origin is named', async () => {
    expect((await ask(closed, 'GET', '/v1/workers', { origin: PAGE })).cors).toEqual({});
    expect(await ask(closed, 'OPTIONS', '/v1/sessions', preflight(PAGE))).toMatchObject({ status: 405, cors: {} });
  });

  it('never has its browser send what it keeps for this host', async () => {
    for (const served of [listed, open, closed]) {
      for (const method of ['GET', 'OPTIONS']) {
        const { told } = await ask(served, method, '/v1/workers', preflight(PAGE));
        expect(told.has('access-control-allow-credentials')).toBe(false);
      }
    }
  });
});
