import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../wire/limits.ts';
import { linkKind } from '../../wire/message/link.ts';
import { random } from '../support/fake-log.ts';
import { raw, type Served, serve, until } from './support/served.ts';

/** Attack cases R of the host, over real sockets, with the server's waits shortened. */
let served: Served;
let url: string;
let port: number;

beforeAll(async () => {
  served = await serve({
    times: { headersMs: 600, requestMs: 1_200, keepAliveMs: 20_000, checkMs: 100, silenceMs: 10_000 },
    patience: { reconnectMs: [5, 50], queueMs: 10_000 },
  });
  url = served.host.url;
  port = Number(new URL(url).port);
});

afterAll(() => served.stop());

const json = { 'content-type': 'application/json' };
const INFER = '/v2/models/demo/infer';

function post(path: string, headers: readonly string[], body = ''): string {
  return [`POST ${path} HTTP/1.1`, 'Host: h', ...headers, '', body].join('\r\n');
}

async function stillServes(): Promise<void> {
  const headers = ['Content-Type: application/json', 'Content-Length: 2', 'Connection: close'];
  expect(await raw(url, post(INFER, headers, '{}'))).toMatch(/^HTTP\/1.1 200 /);
}

/** Sends a text one byte at a time until the server has had enough. */
async function drip(text: string, everyMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    let at = 0;
    const timer = setInterval(() => {
      if (at < text.length && socket.writable) socket.write(text[at++] as string);
    }, everyMs);
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      resolve(received);
    });
  });
}

describe('slow and idle clients', () => {
  it('R1: headers that trickle in are cut off', async () => {
    const text = post(
      INFER,
      Array.from({ length: 40 }, (_, i) => `X-${i}: y`),
    );
    expect(await drip(text, 50)).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
  });

  it('R2: a body that trickles in is cut off', async () => {
    const text = post(INFER, ['Content-Type: application/json', 'Content-Length: 1000'], 'x'.repeat(1_000));
    const head = text.slice(0, text.indexOf('\r\n\r\n') + 4);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let received = '';
      socket.write(head);
      const timer = setInterval(() => socket.writable && socket.write('x'), 100);
      socket.on('data', (chunk) => {
        received += chunk.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(received);
      });
    });
    expect(answer).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
  });

  it('R3: hundreds of idle connections hold up nobody, and are closed', async () => {
    const sockets: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 400; i++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
      sockets.push(socket);
    }
    await until(() => sockets.every((socket) => !socket.connecting));
    await stillServes();
    await until(() => closed === 400);
  });
});

describe('R4: bodies that are too large, or lie', () => {
  it('a declared size beyond the limit is refused before a byte of it is read', async () => {
    const head = post(INFER, ['Content-Type: application/json', `Content-Length: ${limits.bodyBytes + 1}`]);
    expect(await raw(url, head)).toMatch(/^HTTP\/1.1 413 .*Connection: close.*"body_too_large"/s);
  });

  it('chunks beyond the limit are refused when they pass it', async () => {
    const answer = raw(url, '', { forMs: 10_000 });
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const body = post(INFER, ['Content-Type: application/json', 'Transfer-Encoding: chunked'], chunk.repeat(257));
    const refused = await raw(url, body, { forMs: 10_000 });
    expect(refused).toMatch(/^HTTP\/1.1 413 .*"body_too_large"/s);
    await answer;
    await stillServes();
  });

  it('a handshake that goes on is refused at its 49th byte', async () => {
    const chunked = post(
      '/v1/sessions',
      ['Content-Type: application/octet-stream', 'Transfer-Encoding: chunked'],
      '31\r\n',
    );
    expect(await raw(url, `${chunked}${'x'.repeat(49)}\r\n`)).toMatch(/^HTTP\/1.1 413 /);
  });

  it('more than was declared is another request, and ends the connection when it is a broken one', async () => {
    const text = post(INFER, ['Content-Type: application/json', 'Content-Length: 2'], '{}{"more":true}');
    const answer = await raw(url, text);
    expect(answer).toMatch(/^HTTP\/1.1 400 .*"request_invalid"/s);
  });

  it('a compressed bomb is not opened', async () => {
    const bomb = gzipSync(new Uint8Array(10_000_000));
    const response = await fetch(url + INFER, {
      method: 'POST',
      headers: { ...json, 'content-encoding': 'gzip' },
      body: new Uint8Array(bomb),
    });
    expect(await response.json()).toMatchObject({ code: 'media_type_unsupported' });
  });
});

describe('R5: two readings of one request', () => {
  it.each([
    ['a length and chunks', ['Content-Length: 2', 'Transfer-Encoding: chunked']],
    ['two lengths', ['Content-Length: 2', 'Content-Length: 3']],
    ['two equal lengths', ['Content-Length: 2', 'Content-Length: 2']],
    ['a list of lengths', ['Content-Length: 2, 2']],
    ['a signed length', ['Content-Length: +2']],
    ['chunks that are not last', ['Transfer-Encoding: chunked, identity']],
    ['a folded header', ['X-Folded: a', ' b']],
    ['a space before the colon', ['X-Space : a']],
    ['a control character', ['X-Null: a\0b']],
  ])('%s: refused', async (_, headers) => {
    const answer = await raw(url, post(INFER, ['Content-Type: application/json', ...headers], '{}'));
    expect(answer).toMatch(/^HTTP\/1.1 400 .*"request_invalid"/s);
  });

  it('bare line feeds: refused', async () => {
    const answer = await raw(url, 'GET /v2/health/live HTTP/1.1\nHost: h\n\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it('no host: refused', async () => {
    expect(await raw(url, 'GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('headers beyond the limit: refused', async () => {
    const text = `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(limits.httpHeaderBytes)}\r\n\r\n`;
    expect(await raw(url, text)).toMatch(/^HTTP\/1.1 431 .*"headers_too_large"/s);
  });

  it('random bytes: refused', async () => {
    for (let i = 0; i < 20; i++) expect(await raw(url, random(500), { forMs: 2_000 })).toMatch(/^HTTP\/1.1 4/);
  });
});

describe('R6, R7: bodies are not parsed here', () => {
  it.each([
    ['40,000 levels', '['.repeat(40_000)],
    ['a prototype', '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'],
    ['no JSON at all', '\u0000\u0001'],
  ])('%s: passed on unchanged', async (_, body) => {
    const response = await fetch(url + INFER, { method: 'POST', headers: json, body });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(body);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('a query that names a prototype is no parameter', async () => {
    const response = await fetch(`${url}/v1/log/head?__proto__=x&constructor=y&log[__proto__]=z`);
    expect([200, 404]).toContain(response.status);
    expect((await fetch(`${url}/v1/releases/__proto__`)).status).toBe(404);
    const infer = await fetch(`${url}/v2/models/__proto__/infer`, { method: 'POST', headers: json, body: '{}' });
    expect(infer.status).toBe(404);
  });
});

describe('clients that leave or stop reading', () => {
  it('R8: a client that leaves gives its place back', async () => {
    served.worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const leaving = new AbortController();
    const asked = fetch(url + INFER, { method: 'POST', headers: json, body: '{}', signal: leaving.signal });
    asked.catch(() => undefined);
    await until(() => served.worker.received.some(({ kind }) => kind === linkKind.plain));
    leaving.abort();
    await expect(asked).rejects.toThrow();
    served.worker.misbehave = undefined;
    await stillServes();
  });

  it('R10: answers that nobody reads are bounded, and end', async () => {
    // More than the kernel buffers on both sides take, so that most of it stays with the host.
    const body = 'x'.repeat(16_000_000);
    const head = post(INFER, ['Content-Type: application/json', `Content-Length: ${body.length}`]);
    const patient = await serve({ times: { silenceMs: 1_000 } });
    const received = await Promise.all(
      Array.from({ length: 2 }, async () => {
        const socket = connect(Number(new URL(patient.host.url).port), '127.0.0.1');
        let bytes = 0;
        const closed = new Promise((resolve) => socket.on('close', resolve));
        socket.on('error', () => undefined);
        socket.write(head);
        await new Promise((resolve) => socket.write(body, resolve));
        // Silence counts from the last byte that went out, and Node looks twice. The client notices when it reads again.
        await until(() => patient.worker.log.size === 2);
        await new Promise((resolve) => setTimeout(resolve, 3_500));
        socket.on('data', (chunk) => {
          bytes += chunk.length;
        });
        await closed;
        return bytes;
      }),
    );
    for (const bytes of received) expect(bytes).toBeLessThan(body.length);
    await patient.stop();
  });
});

describe('R11: more than there is room for', () => {
  it('is refused at once, and says when to come back', async () => {
    const full = await serve();
    full.worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const sockets = Array.from({ length: 16 }, () => {
      const socket = connect(Number(new URL(full.host.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      const one = post(INFER, ['Content-Type: application/json', 'Content-Length: 2'], '{}');
      socket.write(one.repeat(limits.hostPending / 16));
      return socket;
    });
    const plain = (): number => full.worker.received.filter(({ kind }) => kind === linkKind.plain).length;
    await until(() => plain() === limits.hostPending);
    const start = performance.now();
    const response = await fetch(full.host.url + INFER, { method: 'POST', headers: json, body: '{}' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'busy' });
    expect(performance.now() - start).toBeLessThan(1_000);
    for (const socket of sockets) socket.destroy();
    await full.stop();
  });
});

describe('R13, R14: what leaves the host', () => {
  it('no stack, path or foreign text in any answer or event', async () => {
    const marker = 'marker-5f1b\r\n{"event":"forged"}';
    const answers = await Promise.all(
      [
        `/v1/receipts/${encodeURIComponent(marker)}`,
        `/v2/models/${encodeURIComponent(marker)}/infer`,
        `/v1/sessions/${encodeURIComponent(marker)}`,
        `/${encodeURIComponent(marker)}`,
        '/v1/receipts/%E0%A4%A',
      ].map(async (path) => {
        const posted = await fetch(url + path, { method: 'POST', headers: json, body: marker });
        return (await posted.text()) + (await (await fetch(url + path)).text());
      }),
    );
    const said = answers.join() + JSON.stringify(served.events);
    expect(said).not.toMatch(/marker-5f1b|forged|node_modules|\.ts\b|\n\s+at |\/work|\/tmp/);
  });
});
