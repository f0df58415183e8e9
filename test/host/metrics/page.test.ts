import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { createCounter, createHistogram } from '../../../host/metrics/instruments.ts';
import { writePage } from '../../../host/metrics/page.ts';
import { writeFamilies } from '../../../host/metrics/text.ts';
import { createTraffic } from '../../../host/metrics/traffic.ts';
import { toHex } from '../../../wire/bytes.ts';
import { linkKind } from '../../../wire/message/link.ts';
import { type Counters, counterNames, encodeTelemetry } from '../../../wire/message/telemetry.ts';
import { random } from '../../support/fake-log.ts';
import { readMetrics } from '../../support/metrics-format.ts';
import { type Served, serve, until } from '../support/served.ts';

const TOOL = 'promtool';
const promtool = spawnSync(TOOL, ['--version']).status === 0;
let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

/** A host that has answered, refused, and heard from its worker. */
async function busyHost(): Promise<Served> {
  served = await serve({ metrics: { host: '127.0.0.1', port: 0 }, evidencePerSecond: 0.001 });
  const { host, worker } = served;
  const headers = { 'content-type': 'application/json' };
  for (let i = 0; i < 3; i++) {
    await fetch(`${host.url}/v2/models/demo/infer`, { method: 'POST', headers, body: '{}' });
  }
  await fetch(`${host.url}/v2/models/other/infer`, { method: 'POST', headers, body: '{}' });
  await fetch(`${host.url}/v1/log/head`);
  await fetch(`${host.url}/anything/at/all`);
  for (let i = 0; i < 17; i++) await fetch(`${host.url}/v1/evidence?challenge=${toHex(random(32))}`);
  const counters = Object.fromEntries(counterNames.map((name, place) => [name, place])) as unknown as Counters;
  worker.send({ id: 0, kind: linkKind.telemetry, payload: encodeTelemetry(counters) });
  await until(() => worker.acknowledged === worker.log.size);
  return served;
}

async function metricsOf({ events }: Served): Promise<string> {
  const opened = events.find(({ event }) => event === 'metrics') as { readonly url: string };
  let text = '';
  for (let tries = 0; !text.includes('proofmark_worker_leaves{') && tries < 100; tries++) {
    const response = await fetch(`${opened.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    text = await response.text();
  }
  return text;
}

describe('/metrics', () => {
  it('says how it stands, in the form that it should have', async () => {
    const families = readMetrics(await metricsOf(await busyHost()));
    const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
      [...families.values()]
        .flatMap(({ samples }) => samples)
        .find(
          (sample) =>
            sample.name === name && Object.entries(labels).every(([label, is]) => sample.labels.get(label) === is),
        )?.value;
    const infer = '/v2/models/:/infer';
    expect(value('proofmark_requests_total', { route: infer, outcome: 'ok' })).toBe(3);
    expect(value('proofmark_requests_total', { route: infer, outcome: 'refused' })).toBe(1);
    expect(value('proofmark_requests_total', { route: 'none', outcome: 'refused' })).toBe(1);
    expect(value('proofmark_request_seconds_count', { route: infer })).toBe(4);
    expect(value('proofmark_worker_seconds_count', { worker: '0' })).toBe(3);
    expect(value('proofmark_queue_seconds_count')).toBe(3);
    expect(value('proofmark_admission_refused_total', { why: 'rate_evidence' })).toBe(1);
    expect(value('proofmark_worker_state', { worker: '0', state: 'ready' })).toBe(1);
    expect(value('proofmark_worker_state', { worker: '0', state: 'draining' })).toBe(0);
    expect(value('proofmark_worker_requests', { worker: '0' })).toBe(0);
    expect(value('proofmark_worker_models', { worker: '0' })).toBe(1);
    expect(value('proofmark_log_size', { worker: '0' })).toBe(3);
    expect(value('proofmark_worker_log_info', { log: toHex(served?.worker.log.log as Uint8Array) })).toBe(1);
    expect(value('proofmark_attestation_age_seconds', { worker: '0' })).toBeGreaterThanOrEqual(0);
    expect(value('proofmark_worker_plain_requests_total', { worker: '0' })).toBe(1);
    expect(value('proofmark_worker_leaves', { worker: '0' })).toBe(counterNames.indexOf('leaves'));
    expect(value('proofmark_events_total', { event: 'link_up' })).toBe(1);
    expect(value('proofmark_journal_bytes')).toBeGreaterThan(0);
    expect(value('proofmark_process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(value('proofmark_process_open_fds')).toBeGreaterThan(3);
    for (const name of counterNames) {
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      expect([...families.keys()].some((family) => family.startsWith(`proofmark_worker_${snake}`))).toBe(true);
    }
  });

  it.skipIf(!promtool)(
    `is accepted by promtool check metrics${promtool ? '' : ' (skipped: no promtool here)'}`,
    async () => {
      const text = await metricsOf(await busyHost());
      const { status, stdout, stderr } = spawnSync(TOOL, ['check', 'metrics'], { input: text, encoding: 'utf8' });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );

  it('says what a settlement is behind, where there is one', () => {
    const text = writePage({
      traffic: createTraffic({ now: () => 0 }),
      events: { families: [] },
      workers: { members: [] },
      health: () => ({ counters: new Map(), ends: [] }),
      logSize: () => 0,
      journalDirectory: '/nowhere',
      settlement: () => ({ unpostedLeaves: 7, unclaimedAmount: 1e18, pendingTransactions: 2, lastSuccessSeconds: 1.5 }),
      now: () => 0,
    });
    const families = readMetrics(text);
    const values = ['unposted_leaves', 'unclaimed', 'pending', 'success_age_seconds'].map(
      (name) => families.get(`proofmark_settlement_${name}`)?.samples[0]?.value,
    );
    expect(values).toEqual([7, 1e18, 2, 1.5]);
  });
});

describe('the format', () => {
  it('escapes what a label or a help may hold', () => {
    const samples = [{ labels: { one: 'a"b\\c\nd' }, value: Number.POSITIVE_INFINITY }];
    const text = writeFamilies([{ name: 'proofmark_x', help: 'two\nlines \\', type: 'gauge', samples }]);
    expect(text).toBe(
      '# HELP proofmark_x two\\nlines \\\\\n# TYPE proofmark_x gauge\nproofmark_x{one="a\\"b\\\\c\\nd"} +Inf\n',
    );
    expect(readMetrics(text).get('proofmark_x')?.samples[0]?.labels.get('one')).toBe('a\\"b\\\\c\\nd');
  });

  it('has histograms that add up, with what is above all bounds', () => {
    const histogram = createHistogram('proofmark_h_seconds', 'H.', [1, 2]);
    for (const value of [0.5, 1, 1.5, 99]) histogram.observe({ of: 'x' }, value);
    const [family] = readMetrics(writeFamilies([histogram.family])).values();
    expect(family?.samples.map(({ value }) => value)).toEqual([2, 3, 4, 102, 4]);
  });

  it('counts each combination of labels by itself', () => {
    const counter = createCounter('proofmark_c_total', 'C.');
    counter.add({ a: '1', b: '2' });
    counter.add({ a: '1', b: '3' }, 5);
    counter.add({ a: '1', b: '2' });
    expect(counter.family.samples.map(({ value }) => value)).toEqual([2, 5]);
  });

  it.each([
    ['no help', '# TYPE proofmark_a gauge\nproofmark_a 1\n'],
    [
      'two families of one name',
      '# HELP proofmark_a x\n# TYPE proofmark_a gauge\n# HELP proofmark_a x\n# TYPE proofmark_a gauge\n',
    ],
    ['a sample of another family', '# HELP proofmark_a x\n# TYPE proofmark_a gauge\nproofmark_b 1\n'],
    ['a counter without _total', '# HELP proofmark_a x\n# TYPE proofmark_a counter\nproofmark_a 1\n'],
    ['a sample twice', '# HELP proofmark_a x\n# TYPE proofmark_a gauge\nproofmark_a 1\nproofmark_a 2\n'],
    ['no number', '# HELP proofmark_a x\n# TYPE proofmark_a gauge\nproofmark_a one\n'],
    ['no end', '# HELP proofmark_a x'],
  ])('is refused by the reader of these tests where it has %s', (_, text) => {
    expect(() => readMetrics(text)).toThrow();
  });
});
