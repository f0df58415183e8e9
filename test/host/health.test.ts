import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Health, openHealth } from '../../host/health.ts';
import { linkKind } from '../../wire/message/link.ts';
import { type Counters, counterNames, encodeEnd, encodeTelemetry } from '../../wire/message/telemetry.ts';
import { type Served, serve } from './support/served.ts';

const counters = Object.fromEntries(counterNames.map((name, place) => [name, place])) as unknown as Counters;
const directories: string[] = [];
let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-health-'));
  directories.push(directory);
  return directory;
}

function open(stateDirectory: string): Health {
  return openHealth({ stateDirectory, now: () => new Date('2030-01-02T03:04:05Z') });
}

describe('how workers ended', () => {
  it('is known to the next host', () => {
    const directory = newDirectory();
    open(directory).of(3).ended(137);
    expect(open(directory).snapshot.ends).toEqual([{ at: '2030-01-02T03:04:05.000Z', worker: 3, status: 137 }]);
  });

  it('is kept for the newest 64, over all workers', () => {
    const directory = newDirectory();
    const health = open(directory);
    for (let exitStatus = 0; exitStatus < 80; exitStatus++) health.of(exitStatus % 2).ended(exitStatus);
    expect(open(directory).snapshot.ends.map(({ status }) => status)).toEqual(
      Array.from({ length: 64 }, (_, place) => place + 16),
    );
  });

  it.each(['', '{', '[{"at":"x","worker":0,"status":"137"}]', '[{"at":"x","worker":0,"status":999}]'])(
    'is begun anew where the file says %j',
    (text) => {
      const directory = newDirectory();
      writeFileSync(join(directory, 'worker-ends.json'), text);
      const health = open(directory);
      expect(health.snapshot.ends).toEqual([]);
      health.of(0).ended(70);
      expect(open(directory).snapshot.ends).toHaveLength(1);
    },
  );
});

describe('the operator’s address', () => {
  it('is another than the one that clients use', async () => {
    served = await serve({ metrics: { host: '127.0.0.1', port: 0 } });
    const { host, worker, events, directory } = served;
    worker.send({ id: 0, kind: linkKind.telemetry, payload: encodeTelemetry(counters) });
    worker.send({ id: 0, kind: linkKind.ended, payload: encodeEnd(75) });
    await expect
      .poll(() => events.find(({ event }) => event === 'worker_ended'))
      .toEqual({
        event: 'worker_ended',
        worker: 0,
        end: { kind: 'ended', code: 'confinement_refused' },
      });
    const opened = events.find(({ event }) => event === 'metrics') as { readonly url: string };
    expect(await (await fetch(`${opened.url}/metrics`)).text()).toContain('proofmark_worker_leaves{worker="0"} 19\n');
    for (const path of ['/metrics', '/health', '/workers']) expect((await fetch(host.url + path)).status).toBe(404);
    expect(readFileSync(join(directory, 'worker-ends.json'), 'utf8')).toContain('"status":75');
  });
});
