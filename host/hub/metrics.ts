import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Family, writeFamilies } from '../metrics/text.ts';
import type { RouteKind } from './http/context.ts';

/** Counted as it happens; how much there is of things is asked when somebody looks. */
export interface HubCounters {
  request(kind: RouteKind | 'none', status: number): void;
  event(event: string): void;
  readonly families: readonly Family[];
}

export function createHubCounters(): HubCounters {
  const requests = new Map<string, { readonly kind: string; readonly status: string; count: number }>();
  const events = new Map<string, number>();
  return {
    request(kind, code) {
      const status = `${Math.floor(code / 100)}xx`;
      const key = `${kind} ${status}`;
      const counted = requests.get(key) ?? { kind, status, count: 0 };
      counted.count++;
      requests.set(key, counted);
    },
    event: (event) => void events.set(event, (events.get(event) ?? 0) + 1),
    get families(): readonly Family[] {
      return [
        {
          name: 'proofmark_hub_requests_total',
          help: 'Requests that ended, by what they were for.',
          type: 'counter',
          samples: [...requests.values()].map(({ kind, status, count }) => ({
            labels: { kind, status },
            value: count,
          })),
        },
        {
          name: 'proofmark_hub_events_total',
          help: 'Lines of the log, by their names.',
          type: 'counter',
          samples: [...events].map(([event, value]) => ({ labels: { event }, value })),
        },
      ];
    },
  };
}

export interface HubFigures {
  readonly releases: number;
  readonly blobs: number;
  readonly blobBytes: number;
  readonly uploads: number;
  readonly transfersIn: number;
  readonly transfersOut: number;
}

export function writeHubPage(counters: HubCounters, figures: HubFigures): string {
  const gauge = (name: string, help: string, value: number): Family => ({
    name: `proofmark_hub_${name}`,
    help,
    type: 'gauge',
    samples: [{ value }],
  });
  return writeFamilies([
    ...counters.families,
    gauge('releases', 'Releases that are published.', figures.releases),
    gauge('blobs', 'Stored files, each once.', figures.blobs),
    gauge('blob_bytes', 'Bytes of stored files.', figures.blobBytes),
    gauge('uploads', 'Uploads that were begun and not ended.', figures.uploads),
    gauge('transfers_in', 'Files that are being received.', figures.transfersIn),
    gauge('transfers_out', 'Files that are being sent.', figures.transfersOut),
    gauge('process_resident_memory_bytes', 'Memory of the hub.', process.memoryUsage.rss()),
  ]);
}

/** On an address of its own, which only operators reach: how much a hub has of what is nobody else's business. */
export async function serveHubMetrics(
  listen: { readonly host: string; readonly port: number },
  page: () => string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000 },
    ({ method, url, headers }, response) => {
      const isBrowser = headers.origin !== undefined || (headers['sec-fetch-site'] ?? 'none') !== 'none';
      if (isBrowser) response.writeHead(403).end();
      else if (method !== 'GET' || url !== '/metrics') response.writeHead(404).end();
      else {
        response.writeHead(200, {
          'content-type': 'text/plain; version=0.0.4; charset=utf-8',
          'cache-control': 'no-store',
        });
        response.end(page());
      }
    },
  );
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
