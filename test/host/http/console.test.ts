import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consoleHeaders } from '../../../host/console/serve.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Served, serve } from '../support/served.ts';

let on: Served;
let off: Served;

beforeAll(async () => {
  // Keys are asked of whoever calls; the page itself is the same for everybody.
  on = await serve({
    console: 'on',
    apiKeys: [{ name: 'a', sha256: sha256(utf8('key')), perSecond: 'any', burst: 1 }],
  });
  off = await serve({});
});

afterAll(async () => {
  await on.stop();
  await off.stop();
});

const ask = (served: Served, path: string, accept: string): Promise<Response> =>
  fetch(served.host.url + path, { redirect: 'manual', headers: { accept } });

describe('the console that a host serves', () => {
  it('is at /console/, says that it is the host’s, and has its strict headers', async () => {
    const page = await ask(on, '/console/', 'text/html');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<script type="module" src="console.js">');
    for (const [name, value] of Object.entries(consoleHeaders)) expect(page.headers.get(name)).toBe(value);
    const about = (await (await ask(on, '/console/console.json', '*/*')).json()) as object;
    expect(about).toMatchObject({ servedBy: 'host', base: '', policy: false, chain: false });
    const script = await ask(on, '/console/console.js', '*/*');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    await script.arrayBuffer();
  });

  it('is where browsers are led that ask for the host', async () => {
    const led = await ask(on, '/', 'text/html,application/xhtml+xml,*/*;q=0.8');
    expect([led.status, led.headers.get('location')]).toEqual([302, 'console/']);
    expect((await ask(on, '/console', 'text/html')).headers.get('location')).toBe('console/');
  });

  it('has nothing else, and no policy', async () => {
    for (const path of ['/console/other', '/console/policy.json', '/console/%2e%2e/x', '/console//']) {
      expect((await ask(on, path, '*/*')).status, path).not.toBe(200);
    }
  });

  it('is not there where the operator has it off; the JSON for programs always is', async () => {
    expect((await ask(off, '/console/', 'text/html')).status).toBe(404);
    const answered = await ask(off, '/', 'text/html');
    expect(((await answered.json()) as { readonly service: string }).service).toBe('proofmark host');
  });
});
