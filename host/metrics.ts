import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { counterNames, describeEnd } from '../wire/message/telemetry.ts';
import type { HealthSnapshot } from './health.ts';

/**
 * For whoever operates the machine, on an address of its own: how busy a worker is, is nobody else's business. Prometheus'
 * text format at /metrics, the same and the worker's last ends as JSON at /health.
 */
export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Counters that go up and down. */
const gauges: ReadonlySet<string> = new Set(['leaves', 'leavesAcknowledged', 'requestsUnderWay']);

export async function serveMetrics(options: {
  readonly listen: { readonly host: string; readonly port: number };
  readonly read: () => HealthSnapshot;
}): Promise<MetricsServer> {
  const server: Server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = request.method === 'GET' ? pages[request.url ?? ''] : undefined;
    if (answer === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': answer.type, 'cache-control': 'no-store' });
    response.end(answer.body(options.read()));
  });
  server.maxConnections = 16;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listen.port, options.listen.host, resolve);
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

interface Page {
  readonly type: string;
  readonly body: (snapshot: HealthSnapshot) => string;
}

const pages: Readonly<Record<string, Page>> = {
  '/metrics': { type: 'text/plain; version=0.0.4', body: prometheus },
  '/health': {
    type: 'application/json',
    body: ({ counters, ends }) =>
      JSON.stringify({ counters, ends: ends.map(({ at, status }) => ({ at, ...describeEnd(status) })) }),
  },
};

function prometheus({ counters, ends }: HealthSnapshot): string {
  const lines = [...metric('worker_ends', 'gauge', ends.length)];
  const last = ends.at(-1);
  if (last !== undefined) lines.push(...metric('worker_last_end_status', 'gauge', last.status));
  if (counters !== null) {
    for (const name of counterNames) {
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const type = gauges.has(name) ? 'gauge' : 'counter';
      lines.push(...metric(type === 'counter' ? `${snake}_total` : snake, type, counters.values[name]));
    }
  }
  return `${lines.join('\n')}\n`;
}

function metric(name: string, type: 'counter' | 'gauge', value: number): readonly string[] {
  return [`# TYPE proofmark_${name} ${type}`, `proofmark_${name} ${value}`];
}
