import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostEvent } from '../../../host/errors.ts';
import { type Host, type HostOptions, startHost } from '../../../host/host.ts';
import { random, testConfiguration } from '../../support/fake-log.ts';
import { testRelease } from '../../support/fake-release.ts';
import { type FakeWorker, startFakeWorker } from '../../support/fake-worker.ts';
import { until } from './served.ts';

/** A host on loopback with several fake workers behind it. */
export interface Fleet {
  readonly host: Host;
  readonly workers: readonly FakeWorker[];
  readonly events: readonly HostEvent[];
  stop(): Promise<void>;
}

export async function serveFleet(count: number, changes: Partial<HostOptions> = {}): Promise<Fleet> {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-fleet-'));
  const paths = Array.from({ length: count }, (_, index) => join(directory, `${index}.sock`));
  const workers = await Promise.all(paths.map((path) => startFakeWorker(path)));
  const events: HostEvent[] = [];
  const host = await startHost({
    links: paths,
    stateDirectory: directory,
    listen: { host: '127.0.0.1', port: 0 },
    configuration: testConfiguration(),
    releases: [testRelease([random(100)])],
    onEvent: (event) => events.push(event),
    patience: { reconnectMs: [5, 50] },
    drainMs: 2_000,
    ...changes,
  });
  await until(() => workers.every(({ models }) => models.length > 0));
  await until(() => events.filter(({ event }) => event === 'release_loaded').length >= count);
  return {
    host,
    workers,
    events,
    async stop() {
      await host.close();
      await Promise.all(workers.map((worker) => worker.close()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
