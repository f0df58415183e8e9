import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostEvent } from '../../../host/errors.ts';
import { type Journal, openJournal } from '../../../host/journal/index.ts';
import type { Patience } from '../../../host/patience.ts';
import type { Release } from '../../../host/releases.ts';
import { openWorkerLink } from '../../../host/worker-link.ts';
import { createWorkerPool, type PoolOptions, type WorkerPool } from '../../../host/workers/pool.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { type Configuration, decodeConfiguration } from '../../../wire/message/configuration.ts';
import { encodeRequestHeader } from '../../../wire/message/request.ts';
import { random, testConfiguration } from '../../support/fake-log.ts';
import { testRelease } from '../../support/fake-release.ts';
import { type FakeWorker, type FakeWorkerOptions, startFakeWorker } from '../../support/fake-worker.ts';
import { until } from '../support/served.ts';

/** A pool over fake workers, without a host around it. */
export interface Several {
  readonly pool: WorkerPool;
  /** A test may put another worker in a place. */
  readonly workers: FakeWorker[];
  readonly events: HostEvent[];
  readonly journal: Journal;
  path(index: number): string;
  stop(): Promise<void>;
}

export interface SeveralOptions extends Partial<Omit<PoolOptions, 'configuration' | 'releases'>> {
  readonly releases?: () => readonly Release[];
  readonly configured?: Partial<Configuration>;
  readonly fake?: FakeWorkerOptions;
  readonly patience?: Partial<Patience>;
}

export async function several(count: number, options: SeveralOptions = {}): Promise<Several> {
  const { configured, fake, patience, ...changes } = options;
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-pool-'));
  const path = (index: number): string => join(directory, `${index}.sock`);
  const workers = await Promise.all(Array.from({ length: count }, (_, index) => startFakeWorker(path(index), fake)));
  const journal = openJournal(join(directory, 'journal'), { maxBytes: 2 ** 28 });
  const configuration = testConfiguration(configured);
  const events: HostEvent[] = [];
  const pool = createWorkerPool({
    configuration,
    size: count,
    openLink: (index, releases, onEvent) =>
      openWorkerLink({
        path: path(index),
        configuration,
        releases,
        journal,
        health: { counters: () => undefined, ended: () => undefined },
        onEvent,
        patience: { reconnectMs: [5, 50], ...patience },
      }),
    releases: () => [],
    onEvent: (event) => events.push(event),
    onAttested: () => undefined,
    now: () => performance.now(),
    ...changes,
  });
  await until(() => pool.members.every(({ state }) => state.kind === 'ready'));
  return {
    pool,
    workers,
    events,
    journal,
    path,
    async stop() {
      await pool.close();
      await Promise.all(workers.map((worker) => worker.close()));
      await journal.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Slots for models at each worker. */
export function slots(models: number): Partial<Configuration> {
  const { limits } = decodeConfiguration(testConfiguration());
  return { limits: { ...limits, models } };
}

export function namedRelease(name: string, version = '1.0.0'): Release {
  return testRelease([random(20)], { name, version });
}

export function requestFor(modelId: Uint8Array, requestId: Uint8Array = random(32)): Uint8Array {
  const header = encodeRequestHeader({
    requestId,
    modelId,
    operation: 0n,
    format: 1n,
    jsonLength: 3n,
    flags: 0n,
    salt: random(32),
    channel: new Uint8Array(32),
    unitPrice: 5n,
    maxFee: 5n,
    deadline: 0n,
    seed: new Uint8Array(32),
  });
  return concatBytes(header, Uint8Array.of(1, 2, 3));
}

/** The code of what was thrown, or that nothing was. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'answered',
    (error: { readonly code?: string }) => error.code ?? String(error),
  );
}
