import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { concatBytes } from '../../wire/bytes.ts';
import { listening } from './http-host.ts';

/** An answer on its way back. */
export interface Passing {
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** `null` ends the connection; `cut` announces more than it sends. */
export type Tampered = Passing | (Passing & { readonly cut: number }) | null;

export interface Middle {
  readonly url: string;
  onRequest: (path: string, body: Uint8Array) => Uint8Array;
  onReply: (passing: Passing) => Tampered | Promise<Tampered>;
  close(): Promise<void>;
}

/** A man in the middle on HTTP: he reads and writes everything between a client and its host. */
export async function serveProxy(target: string): Promise<Middle> {
  const proxy: Middle = {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    onRequest: (_, body) => body,
    onReply: (passing) => passing,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  const server = createServer((asked, response) => {
    pass(proxy, target, asked, response).catch(() => response.destroy());
  });
  await listening(server);
  return proxy;
}

async function pass(proxy: Middle, target: string, asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = asked.url ?? '';
  const body = proxy.onRequest(path, await readAll(asked));
  const { host: _, 'content-length': __, connection: ___, ...headers } = asked.headers;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(`${target}${path}`, { method: asked.method, headers }, resolve);
    sent.on('error', reject);
    sent.end(asked.method === 'POST' ? body : undefined);
  });
  const type = answer.headers['content-type'] ?? '';
  const passing = { path, status: answer.statusCode ?? 0, type, bytes: await readAll(answer) };
  const tampered = await proxy.onReply(passing);
  if (tampered === null) {
    response.destroy();
    return;
  }
  const length = tampered.bytes.length + ('cut' in tampered ? tampered.cut : 0);
  response.writeHead(tampered.status, { 'content-type': tampered.type, 'content-length': length });
  response.write(tampered.bytes, () => {
    if ('cut' in tampered) response.destroy();
    else response.end();
  });
}

async function readAll(message: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return concatBytes(...chunks);
}
