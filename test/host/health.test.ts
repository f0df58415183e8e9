import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Health, openHealth } from '../../host/health.ts';
import { serveMetrics } from '../../host/metrics.ts';
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
    open(directory).ended(137);
    expect(open(directory).snapshot.ends).toEqual([{ at: '2030-01-02T03:04:05.000Z', status: 137 }]);
  });

  it('is kept for the newest 32', () => {
    const directory = newDirectory();
    const health = open(directory);
    for (let exitStatus = 0; exitStatus < 40; exitStatus++) health.ended(exitStatus);
    expect(open(directory).snapshot.ends.map(({ status }) => status)).toEqual(
      Array.from({ length: 32 }, (_, place) => place + 8),
    );
  });

  it.each(['', '{', '[{"at":"x","status":"137"}]', '[{"at":"x","status":999}]'])(
    'is begun anew where the file says %j',
    (text) => {
      const directory = newDirectory();
      writeFileSync(join(directory, 'worker-ends.json'), text);
      const health = open(directory);
      expect(health.snapshot.ends).toEqual([]);
      health.ended(70);
      expect(open(directory).snapshot.ends).toHaveLength(1);
    },
  );
});

describe('the operator’s address', () => {
  it('has every counter and the last end, in the form of Prometheus and as JSON', async () => {
    const health = open(newDirectory());
    health.counters(counters);
    health.ended(70);
    health.ended(137);
    const metrics = await serveMetrics({ listen: { host: '127.0.0.1', port: 0 }, read: () => health.snapshot });
    try {
      const text = await (await fetch(`${metrics.url}/metrics`)).text();
      expect(text).toContain('# TYPE proofmark_plain_requests_total counter\nproofmark_plain_requests_total 1\n');
      expect(text).toContain('# TYPE proofmark_requests_under_way gauge\n');
      expect(text).toContain('proofmark_worker_ends 2\n');
      expect(text).toContain('proofmark_worker_last_end_status 137\n');
      expect(text.match(/^proofmark_/gm)).toHaveLength(counterNames.length + 2);
      expect(await (await fetch(`${metrics.url}/health`)).json()).toEqual({
        counters: { at: '2030-01-02T03:04:05.000Z', values: counters },
        ends: [
          { at: '2030-01-02T03:04:05.000Z', kind: 'ended', code: 'internal' },
          { at: '2030-01-02T03:04:05.000Z', kind: 'killed', signal: 9 },
        ],
      });
      expect((await fetch(`${metrics.url}/`)).status).toBe(404);
      expect((await fetch(`${metrics.url}/metrics`, { method: 'POST' })).status).toBe(404);
    } finally {
      await metrics.close();
    }
  });

  it('is another than the one that clients use', async () => {
    served = await serve({ metrics: { host: '127.0.0.1', port: 0 } });
    const { host, worker, events, directory } = served;
    worker.send({ id: 0, kind: linkKind.telemetry, payload: encodeTelemetry(counters) });
    worker.send({ id: 0, kind: linkKind.ended, payload: encodeEnd(75) });
    await expect
      .poll(() => events.find(({ event }) => event === 'worker_ended'))
      .toEqual({
        event: 'worker_ended',
        end: { kind: 'ended', code: 'confinement_refused' },
      });
    const opened = events.find(({ event }) => event === 'metrics') as { readonly url: string };
    expect(await (await fetch(`${opened.url}/metrics`)).text()).toContain('proofmark_leaves 19\n');
    for (const path of ['/metrics', '/health']) expect((await fetch(host.url + path)).status).toBe(404);
    expect(readFileSync(join(directory, 'worker-ends.json'), 'utf8')).toContain('"status":75');
  });
});
