import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { createHttpServer, serverTimes } from '../http/server.ts';
import type { ListenAddress } from '../metrics/operator.ts';
import { HubStartError } from './errors.ts';
import type { HubEvent } from './events.ts';
import { createHubApp } from './http/app.ts';
import { createFileServer } from './http/files.ts';
import { createHubGuard, type HubRates, hubRates } from './http/guard.ts';
import { PACE_MS } from './http/pace.ts';
import { createHubCounters, serveHubMetrics, writeHubPage } from './metrics.ts';
import { readPeople } from './publishers.ts';
import { type Disk, realDisk } from './store/disk.ts';
import { openStore, type Store } from './store/store.ts';
import { createChallenges } from './uploads/challenges.ts';
import { createUploads } from './uploads/uploads.ts';

export interface HubOptions {
  /** The folder of the store; made if it is not there. */
  readonly store: string;
  readonly listen: ListenAddress;
  /** What clients write before a path, and publishers sign for: `https://hub.example`. */
  readonly origin: string | 'own-address';
  /** The file of publishers and readers. */
  readonly publishers: string;
  readonly storeBytes: number | 'any';
  readonly metrics?: ListenAddress;
  readonly rates?: HubRates | 'any';
  readonly trustedProxies?: number;
  readonly onEvent?: (event: HubEvent) => void;
  readonly drainMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly disk?: Disk;
  /** How long a transfer may take for each 64 KiB, and a body that is no file in all. */
  readonly paceMs?: number;
  readonly bodyMs?: number;
}

export interface Hub {
  readonly url: string;
  readonly origin: string;
  readonly metricsUrl: string | undefined;
  /** Reads the file of publishers again; what cannot be read changes nothing. */
  reload(): void;
  /** Drops uploads that nobody goes on with, and blobs that nothing refers to. Done each minute by itself. */
  maintain(): Promise<void>;
  /** Lets transfers under way finish for a while. */
  close(): Promise<void>;
}

const MAINTENANCE_MS = 60_000;
const BODY_MS = 30_000;
const DRAIN_MS = 10_000;

export async function startHub(options: HubOptions): Promise<Hub> {
  const { now = Date.now, paceMs = PACE_MS } = options;
  const counters = createHubCounters();
  const onEvent = (event: HubEvent): void => {
    counters.event(event.event);
    options.onEvent?.(event);
  };
  let people = readPeople(options.publishers);
  const store = await openStore({ root: options.store, disk: options.disk ?? realDisk, onEvent });
  try {
    return await serve(store);
  } catch (error) {
    await store.close();
    throw error;
  }

  async function serve(opened: Store): Promise<Hub> {
    const uploads = await createUploads({ store: opened, storeBytes: options.storeBytes, now, onEvent });
    const files = createFileServer({ blobs: opened.blobs, onEvent, paceMs: 2 * paceMs });
    let draining = false;
    // A transfer may take hours; its own pace is watched instead.
    const server = createHttpServer((request, response) => app(request, response), { ...serverTimes, requestMs: 0 });
    const url = await listen(server, options.listen);
    const origin = options.origin === 'own-address' ? url : options.origin;
    const app = createHubApp({
      store: opened,
      uploads,
      files,
      challenges: createChallenges(now),
      people: () => people,
      origin,
      hub: sha256(utf8(origin)),
      onEvent,
      bodyMs: options.bodyMs ?? BODY_MS,
      paceMs,
      guard: createHubGuard({
        rates: options.rates ?? hubRates,
        trustedProxies: options.trustedProxies ?? 0,
        now: () => performance.now(),
      }),
      isDraining: () => draining,
      onRequest: counters.request,
    });
    const page = (): string =>
      writeHubPage(counters, {
        releases: opened.catalogue.size,
        blobs: opened.blobs.count,
        blobBytes: opened.blobs.bytes,
        uploads: uploads.size,
        transfersIn: uploads.transfers,
        transfersOut: files.active,
      });
    const metrics = options.metrics === undefined ? undefined : await serveHubMetrics(options.metrics, page);
    await uploads.maintain();
    const timer = setInterval(() => {
      uploads.maintain().catch(() => onEvent({ event: 'maintenance_failed' }));
    }, MAINTENANCE_MS);
    timer.unref();
    let closed: Promise<void> | undefined;

    async function close(): Promise<void> {
      draining = true;
      clearInterval(timer);
      await drained(server, options.drainMs ?? DRAIN_MS);
      await uploads.settled();
      await metrics?.close();
      await opened.close();
      onEvent({ event: 'stopped' });
    }

    onEvent({ event: 'listening', url, releases: opened.catalogue.size, blobs: opened.blobs.count });
    return {
      url,
      origin,
      metricsUrl: metrics?.url,
      reload() {
        try {
          people = readPeople(options.publishers);
          onEvent({ event: 'reloaded' });
        } catch {
          onEvent({ event: 'reload_failed' });
        }
      },
      maintain: uploads.maintain,
      close() {
        closed ??= close();
        return closed;
      },
    };
  }
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (cause) {
    throw new HubStartError('listen_failed', `cannot listen on ${host}:${port}`, { cause });
  }
  const bound = server.address() as AddressInfo;
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

async function drained(server: Server, milliseconds: number): Promise<void> {
  const late = setTimeout(() => server.closeAllConnections(), milliseconds);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(late);
}
