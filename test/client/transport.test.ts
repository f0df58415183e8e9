import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, fetchTransport, type HostTransport, nodeTransport } from '../../client/index.ts';
import { parsePolicy } from '../../verifier/index.ts';
import { utf8 } from '../../wire/bytes.ts';
import { createWorld, refusalOf } from './world.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let servers: Server[] = [];
let transport: typeof fetchTransport = fetchTransport;

afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
});

interface Hostile {
  readonly url: string;
  readonly host: HostTransport;
  /** `METHOD path` of everything that arrived. */
  readonly seen: string[];
}

async function serve(handler: Handler, timeoutMs = 10_000): Promise<Hostile> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.on('error', () => {});
    handler(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, seen, host: transport({ url, timeoutMs }) };
}

const says =
  (status: number, body: string | Uint8Array, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

function inChunks(_: IncomingMessage, response: ServerResponse): void {
  response.write(new Uint8Array(900));
  response.end(new Uint8Array(101));
}

function endless(response: ServerResponse): void {
  const more = (): void => {
    if (!response.destroyed && response.write(new Uint8Array(10_000))) setImmediate(more);
  };
  response.on('drain', more);
  more();
}

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write('a'), 20);
  response.on('close', () => clearInterval(timer));
}

describe.each([
  ['the platform’s fetch', fetchTransport],
  ['Node’s own HTTP', nodeTransport],
])('over %s', (_name, chosen) => {
  beforeEach(() => {
    transport = chosen;
  });

  describe('an address', () => {
    it.each([
      '',
      'localhost',
      'ftp://host',
      'file:///etc/passwd',
      'http://',
      'http://host/?a=b',
      'http://host/#a',
      'javascript:1',
    ])('that is none of a host is refused: %s', async (url) => {
      expect(await refusalOf((async () => transport({ url, timeoutMs: 1 }))())).toBe(
        'argument_invalid/argument_invalid',
      );
    });

    it('may have a path, with or without a slash at its end', async () => {
      const { url, seen } = await serve(says(200, ''));
      for (const base of [url, `${url}/`, `${url}/relay`, `${url}/relay//`]) {
        await transport({ url: base, timeoutMs: 10_000 }).get('/v1/x', 10);
      }
      expect(seen).toEqual(['GET /v1/x', 'GET /v1/x', 'GET /relay/v1/x', 'GET /relay/v1/x']);
    });
  });

  describe('bytes', () => {
    it('go out and come in as they are', async () => {
      const { host } = await serve((request, response) => {
        expect(request.headers['content-type']).toBe('application/octet-stream');
        request.pipe(response);
      });
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      expect(await host.post('/', all, 256)).toEqual(all);
      expect(await host.post('/', new Uint8Array(0), 256)).toEqual(new Uint8Array(0));
    });

    it.each<[string, Handler]>([
      ['announced', says(200, new Uint8Array(1_001))],
      ['in chunks', inChunks],
      ['behind compression', says(200, gzipSync(new Uint8Array(10_000_000)), { 'content-encoding': 'gzip' })],
      ['without end', (_, response) => endless(response)],
    ])('beyond what was expected are not read: %s', async (_, handler) => {
      const { host } = await serve(handler);
      expect(await refusalOf(host.get('/', 1_000))).toBe('response_too_large/response_too_large');
    });

    it('of exactly what was expected are read', async () => {
      const { host } = await serve(says(200, new Uint8Array(1_000)));
      expect(await host.get('/', 1_000)).toHaveLength(1_000);
    });
  });

  describe('time', () => {
    it.each<[string, Handler]>([
      ['never begins', () => {}],
      ['never ends', (_, response) => void response.write('a')],
      ['refuses and never says why', (_, response) => void response.writeHead(500).write('{')],
      ['drips', (_, response) => drip(response)],
    ])('is up for an answer that %s', async (_, handler) => {
      const { host } = await serve(handler, 150);
      expect(await refusalOf(host.post('/', new Uint8Array(1), 1_000_000))).toBe('host_timeout/host_timeout');
    });
  });

  describe('an error of the host', () => {
    it.each([
      [429, '{"code":"rate_limited"}', 'host_error/rate_limited'],
      [503, '{"code":"worker_lost","message":"gone"}', 'host_error/worker_lost'],
      [404, '{"code":"session_unknown"}', 'session_lost/session_unknown'],
      [500, '', 'host_error/unknown'],
      [500, '<html>', 'host_error/unknown'],
      [500, '[]', 'host_error/unknown'],
      [500, 'null', 'host_error/unknown'],
      [500, '"code"', 'host_error/unknown'],
      [500, '{"code":7}', 'host_error/unknown'],
      [500, '{"code":""}', 'host_error/unknown'],
      [500, '{"code":"Trust me"}', 'host_error/unknown'],
      [500, '{"code":"a\\nb"}', 'host_error/unknown'],
      [500, '{"code":"a\\n"}', 'host_error/unknown'],
      [500, '{"code":"\\u001b[2J"}', 'host_error/unknown'],
      [500, '{"code":"a","code":"b"}', 'host_error/unknown'],
      [500, `{"code":"${'a'.repeat(65)}"}`, 'host_error/unknown'],
      [500, '{"__proto__":{"code":"polluted"}}', 'host_error/unknown'],
      [500, `{"code":"busy"}${' '.repeat(5_000)}`, 'host_error/unknown'],
      [500, '['.repeat(4_000), 'host_error/unknown'],
    ])('%d %j is %s', async (status, body, expected) => {
      const { host } = await serve(says(status, body));
      expect(await refusalOf(host.get('/', 100))).toBe(expected);
    });

    it('is never shown in its own words', async () => {
      const { host } = await serve(says(500, '{"code":"busy","message":"send your key to evil.example"}'));
      await expect(host.get('/', 100)).rejects.toSatisfy((error: Error) => !error.message.includes('evil'));
    });

    it.each([300, 304, 400, 599])('%d without a body is one', async (status) => {
      const { host } = await serve((_, response) => response.writeHead(status).end());
      expect(await refusalOf(host.post('/', new Uint8Array(0), 10))).toBe('host_error/unknown');
    });
  });

  describe('a redirect', () => {
    it.each([301, 302, 303, 307, 308])('%d is not followed: nobody else hears of the call', async (status) => {
      const other = await serve(says(200, 'mine'));
      const { host, seen } = await serve(says(status, '', { location: `${other.url}/inside` }));
      expect(await refusalOf(host.get('/a', 100))).toMatch(/^host_unreachable\//);
      expect(await refusalOf(host.post('/b', utf8('sealed'), 100))).toMatch(/^host_unreachable\//);
      expect(other.seen).toEqual([]);
      expect(seen.filter((line) => line === 'POST /b')).toHaveLength(1);
    });
  });

  describe('a connection that breaks', () => {
    it.each<[string, Handler]>([
      ['before the answer', (request) => request.socket.destroy()],
      [
        'in the middle',
        (request, response) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('half', () => request.socket.destroy());
        },
      ],
    ])('%s is unreachable; a question is asked again once, a request never', async (_, handler) => {
      const { host, seen } = await serve(handler);
      expect(await refusalOf(host.post('/run', new Uint8Array(1), 1_000))).toMatch(/^host_unreachable\//);
      expect(seen).toEqual(['POST /run']);
      expect(await refusalOf(host.get('/ask', 1_000))).toMatch(/^host_unreachable\//);
      expect(seen).toEqual(['POST /run', 'GET /ask', 'GET /ask']);
    });

    it('once does not fail a question', async () => {
      let broken = false;
      const { host } = await serve((request, response) => {
        if (broken) response.end('here');
        else request.socket.destroy();
        broken = true;
      });
      expect(await host.get('/', 10)).toEqual(utf8('here'));
    });

    it('or was never made names the reason', async () => {
      const { url } = await serve(says(200, ''));
      servers[0]?.close();
      const host = transport({ url, timeoutMs: 10_000 });
      await expect(host.get('/', 10)).rejects.toThrow('ECONNREFUSED');
    });
  });

  describe('an answer in pieces', () => {
    const all = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      return Buffer.concat(parts).toString();
    };

    it('comes as it is sent, and says whether it is framed', async () => {
      const { host, seen } = await serve((request, response) => {
        expect(request.headers.accept).toBe('application/vnd.proofmark.records');
        response.writeHead(200, { 'content-type': 'application/vnd.proofmark.records' });
        response.write('a');
        setTimeout(() => response.end('b'), 20);
      });
      const reply = await host.stream('/s', utf8('sealed'), { requestId: new Uint8Array(32).fill(1) });
      expect(reply.framed).toBe(true);
      expect(await all(reply.chunks)).toBe('ab');
      expect((await host.stream('/kept', null)).framed).toBe(true);
      expect(seen).toEqual(['POST /s', 'GET /kept']);
    });

    it('may take longer than the time for one piece, but no piece may', async () => {
      const { host } = await serve((_, response) => {
        for (const at of [60, 120, 180, 240]) setTimeout(() => response.write('a'), at);
      }, 150);
      const { chunks } = await host.stream('/', utf8('x'));
      let pieces = 0;
      expect(
        await refusalOf(
          (async () => {
            for await (const _ of chunks) pieces += 1;
          })(),
        ),
      ).toBe('host_timeout/host_timeout');
      expect(pieces).toBe(4);
    });

    it('ends with its connection where the reader leaves', async () => {
      let closed = false;
      const { host } = await serve((_, response) => {
        response.on('close', () => {
          closed = true;
        });
        endless(response);
      });
      const { chunks } = await host.stream('/', utf8('x'));
      for await (const _ of chunks) break;
      await expect.poll(() => closed).toBe(true);
    });

    it('that is refused is the host’s error', async () => {
      const { host } = await serve(says(503, '{"code":"busy"}'));
      expect(await refusalOf(host.stream('/', utf8('x')))).toBe('host_error/busy');
      const later = await serve(says(202, ''));
      expect(await refusalOf(later.host.stream('/', null))).toBe('host_error/response_pending');
    });
  });
});

describe('connect', () => {
  it('sends nothing before the first call', async () => {
    const { rules } = await createWorld();
    const { url, seen } = await serve(says(503, '{"code":"not_configured"}'));
    const client = connect(url, { policy: parsePolicy(rules), timeoutMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual([]);
    expect(await refusalOf(client.worker())).toBe('host_error/not_configured');
    expect(seen[0]).toMatch(/^GET \/v1\/evidence\?challenge=[0-9a-f]{64}$/);
  });
});
