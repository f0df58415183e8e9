import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assetsOf } from '../../../host/console/assets.ts';
import { digestOf } from '../../../host/console/digest.ts';
import { consoleHeaders, createConsole } from '../../../host/console/serve.ts';
import { utf8 } from '../../../wire/bytes.ts';

const files = new Map([
  ['index.html', utf8('<!doctype html>')],
  ['console.js', utf8('void 0;')],
]);
const settings = {
  servedBy: 'package',
  base: '/host',
  chain: false,
  target: 'http://host.example',
} as const;

let server: Server;
let url = '';

beforeAll(async () => {
  const serve = createConsole({ assets: assetsOf(files, '1.2.3'), settings, policy: utf8('{"version":1}') });
  server = createServer((request, response) => {
    if (!serve((request.url ?? '/').slice(1), request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('the console as it is served', () => {
  it('has the page at its own folder', async () => {
    const response = await fetch(`${url}/`);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toBe('<!doctype html>');
  });

  it.each(['/', '/console.js', '/console.json', '/policy.json'])('sends every header with %s', async (path) => {
    const response = await fetch(url + path);
    await response.arrayBuffer();
    for (const [name, value] of Object.entries(consoleHeaders)) expect(response.headers.get(name)).toBe(value);
  });

  it('lets in no inline code, no other origin, no frame and no text that becomes markup', () => {
    const policy = consoleHeaders['Content-Security-Policy'];
    expect(policy).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
  });

  it('says whose code it is, and its digest', async () => {
    const about: unknown = await (await fetch(`${url}/console.json`)).json();
    expect(about).toEqual({ ...settings, version: '1.2.3', policy: true, digest: digestOf(files) });
  });

  it('sends the policy that the user named byte for byte', async () => {
    expect(await (await fetch(`${url}/policy.json`)).text()).toBe('{"version":1}');
  });

  it.each([
    ['gzip', 'gzip'],
    ['br, gzip;q=0.5', 'gzip'],
    ['gzip;q=0', null],
    ['identity', null],
  ])('answers accept-encoding %s with %s', async (accept, encoding) => {
    const response = await fetch(`${url}/console.js`, { headers: { 'accept-encoding': accept } });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(await response.text()).toBe('void 0;');
  });

  it('keeps in gzip the same bytes', () => {
    for (const asset of assetsOf(files, '1.2.3').files.values()) {
      expect(Uint8Array.from(gunzipSync(asset.gzip))).toEqual(asset.bytes);
    }
  });

  it('sends nothing again that a browser has', async () => {
    const tag = (await fetch(`${url}/`)).headers.get('etag') ?? '';
    const again = await fetch(`${url}/`, { headers: { 'if-none-match': tag } });
    expect(again.status).toBe(304);
  });

  it('answers other methods 405, and other names not at all', async () => {
    const posted = await fetch(`${url}/console.js`, { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await fetch(`${url}/other.js`)).status).toBe(404);
    expect((await fetch(`${url}/__proto__`)).status).toBe(404);
  });
});

describe('the digest', () => {
  it('does not depend on the order of the files, and depends on every name and byte', () => {
    const digest = digestOf(files);
    expect(digestOf(new Map([...files].reverse()))).toBe(digest);
    expect(digestOf(new Map([...files, ['more.css', utf8('')]]))).not.toBe(digest);
    expect(digestOf(new Map([...files, ['console.js', utf8('void 1;')]]))).not.toBe(digest);
  });
});
