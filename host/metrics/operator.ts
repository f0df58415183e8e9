import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * For whoever operates the machine, on an address of its own: how busy a worker is, is nobody else's business. Prometheus'
 * text format at /metrics; workers and their last ends as JSON at /workers and /health; and one worker is taken out of
 * service and put back by POST /workers/{number or log}/drain and /resume.
 *
 * Nothing here asks who it is: the address must be one that only operators reach. What a browser sends for some page is
 * refused, since a browser on the operator's machine reaches it as well.
 */
export interface OperatorServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface OperatorPages {
  metrics(): string;
  /** JSON. */
  health(): unknown;
  workers(): unknown;
  /** False where there is no such worker. */
  change(worker: string, what: 'drain' | 'resume'): boolean;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const CHANGE = /^\/workers\/([0-9]{1,3}|[0-9a-f]{64})\/(drain|resume)$/;

export async function serveOperator(listen: ListenAddress, pages: OperatorPages): Promise<OperatorServer> {
  const server: Server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    answer(pages, request, response);
  });
  server.maxConnections = 16;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(pages: OperatorPages, request: IncomingMessage, response: ServerResponse): void {
  const { method, url = '', headers } = request;
  if (headers.origin !== undefined || (headers['sec-fetch-site'] ?? 'none') !== 'none') {
    response.writeHead(403).end();
    return;
  }
  const [, worker, what] = CHANGE.exec(url) ?? [];
  if (worker !== undefined) {
    if (method !== 'POST') response.writeHead(405, { allow: 'POST' }).end();
    else if (!pages.change(worker, what as 'drain' | 'resume')) response.writeHead(404).end();
    else send(response, 'application/json', JSON.stringify(pages.workers()));
    return;
  }
  if (method !== 'GET') response.writeHead(404).end();
  else if (url === '/metrics') send(response, 'text/plain; version=0.0.4; charset=utf-8', pages.metrics());
  else if (url === '/health') send(response, 'application/json', JSON.stringify(pages.health()));
  else if (url === '/workers') send(response, 'application/json', JSON.stringify(pages.workers()));
  else response.writeHead(404).end();
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}
