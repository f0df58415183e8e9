import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ClientError, type HostTransport } from '../../client/index.ts';
import { concatBytes, fromHex } from '../../wire/bytes.ts';
import { RECORDS_TYPE } from '../../wire/message/session.ts';

export interface HttpHost {
  readonly url: string;
  close(): Promise<void>;
}

/** A host of a test world on loopback. */
export async function serveHost(host: HostTransport): Promise<HttpHost> {
  const server = createServer(answering(host));
  await listening(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export function listening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
}

/** With the statuses and types of the real one. */
export function answering(host: HostTransport): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(host, request, response).catch((error: unknown) => refuse(response, error));
  };
}

async function answer(host: HostTransport, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  const wantsRecords = request.headers.accept === RECORDS_TYPE;
  const id = request.headers['proofmark-request-id'];
  const options = typeof id === 'string' ? { requestId: fromHex(id, 32) } : {};
  const body = request.method === 'POST' ? await readAll(request) : null;
  if (wantsRecords) {
    const { chunks } = await host.stream(path, body, options);
    for await (const chunk of chunks) {
      if (!response.headersSent) response.writeHead(200, { 'content-type': RECORDS_TYPE });
      if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
    return;
  }
  const reply =
    body === null
      ? await host.get(path, Number.MAX_SAFE_INTEGER)
      : await host.post(path, body, Number.MAX_SAFE_INTEGER, options);
  response.writeHead(200, { 'content-type': body === null ? 'application/json' : 'application/octet-stream' });
  response.end(reply);
}

const statuses: Readonly<Record<string, number>> = {
  response_pending: 202,
  response_unknown: 404,
  session_unknown: 404,
  not_found: 404,
};

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const code = error instanceof ClientError ? error.reason : 'internal';
  response.writeHead(statuses[code] ?? 503, { 'content-type': 'application/json' }).end(JSON.stringify({ code }));
}

async function readAll(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return concatBytes(...chunks);
}
