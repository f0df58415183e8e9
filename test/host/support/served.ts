import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostEvent } from '../../../host/errors.ts';
import { type Host, type HostOptions, startHost } from '../../../host/host.ts';
import type { Release } from '../../../host/releases.ts';
import { random, testConfiguration } from '../../support/fake-log.ts';
import { testRelease } from '../../support/fake-release.ts';
import { type FakeWorker, type FakeWorkerOptions, startFakeWorker } from '../../support/fake-worker.ts';

/** A host on loopback with a fake worker behind it. */
export interface Served {
  readonly host: Host;
  readonly worker: FakeWorker;
  readonly release: Release;
  readonly events: readonly HostEvent[];
  readonly directory: string;
  stop(): Promise<void>;
}

export async function serve(
  changes: Partial<HostOptions> = {},
  workerOptions: FakeWorkerOptions = {},
): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-host-'));
  const linkPath = join(directory, 'worker.sock');
  const worker = await startFakeWorker(linkPath, workerOptions);
  const release = testRelease([random(100)]);
  const events: HostEvent[] = [];
  const host = await startHost({
    links: [linkPath],
    stateDirectory: directory,
    listen: { host: '127.0.0.1', port: 0 },
    configuration: testConfiguration(),
    releases: [release],
    onEvent: (event) => events.push(event),
    patience: { reconnectMs: [5, 50] },
    drainMs: 2_000,
    ...changes,
  });
  await host.ready;
  return {
    host,
    worker,
    release,
    events,
    directory,
    async stop() {
      await host.close();
      await worker.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Sends raw bytes and returns all that comes back until the server closes, or the time is over. */
export function raw(
  url: string,
  text: string | Uint8Array,
  options: { readonly forMs?: number } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    const timer = setTimeout(() => socket.destroy(), options.forMs ?? 5_000);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(received);
    });
    socket.write(text);
  });
}

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it never came about');
}
