import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { createStatistics, type Statistics } from '../../../host/metrics/statistics.ts';
import { createTraffic } from '../../../host/metrics/traffic.ts';
import { toHex } from '../../../wire/bytes.ts';
import { type Served, serve } from '../support/served.ts';

const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-statistics.schema.json', 'utf8')) as object;
const fits = new Ajv2020({ strict: true }).compile(schema);

let served: Served | undefined;
afterEach(async () => {
  await served?.stop();
  served = undefined;
});

async function eventually(url: string, noted: (statistics: Statistics) => boolean): Promise<Statistics> {
  for (let tries = 0; ; tries++) {
    const statistics = (await (await fetch(`${url}/v1/statistics`)).json()) as Statistics;
    if (noted(statistics) || tries > 1_000) return statistics;
  }
}

const headers = { 'content-type': 'application/json' };

describe('GET /v1/statistics', () => {
  it('is not there unless the operator publishes it', async () => {
    served = await serve({});
    expect((await fetch(`${served.host.url}/v1/statistics`)).status).toBe(404);
    const { paths } = (await (await fetch(served.host.url)).json()) as { readonly paths: object };
    expect(paths).not.toHaveProperty('statistics');
  });

  it('says sums in its published form, and nothing of any caller', async () => {
    served = await serve({ statistics: 'public' });
    const { url } = served.host;
    for (let i = 0; i < 3; i++) {
      await (await fetch(`${url}/v2/models/demo/infer`, { method: 'POST', headers, body: '{}' })).text();
    }
    await (await fetch(`${url}/v2/models/other/infer`, { method: 'POST', headers, body: '{}' })).text();
    // Answers are with their clients before the journal and the counters have taken note of them.
    const statistics = await eventually(url, ({ requests, logs }) => requests.refused === 1 && logs[0]?.size === 3);
    expect(fits(statistics), JSON.stringify(fits.errors)).toBe(true);
    expect(statistics).toMatchObject({
      version: 1,
      requests: { ok: 3, refused: 1, failed: 0, left: 0 },
      underWay: 0,
      logs: [{ log: toHex(served.worker.log.log), size: 3 }],
      settlement: null,
      history: { everySeconds: 10, moments: [] },
    });
    expect(statistics.latency.counts.reduce((sum, count) => sum + count, 0)).toBe(4);
    const { paths } = (await (await fetch(url)).json()) as { readonly paths: object };
    expect(paths).toMatchObject({ statistics: '/v1/statistics' });
  });
});

describe('the history of a host', () => {
  const sources = {
    traffic: createTraffic({ now: () => 0 }),
    workers: { members: [] },
    logSize: () => 0,
    settlement: () => ({ unpostedLeaves: 2, unclaimedAmount: 12_345, pendingTransactions: 1, lastSuccessSeconds: 3 }),
  };

  it('keeps an hour of moments, and forgets the oldest', () => {
    let now = 1_800_000_000_000;
    const keeper = createStatistics({ ...sources, now: () => now });
    for (let i = 0; i < 400; i++) {
      now += 10_000;
      keeper.note();
    }
    const statistics = keeper.read();
    expect(fits(statistics), JSON.stringify(fits.errors)).toBe(true);
    expect(statistics.uptimeSeconds).toBe(4_000);
    expect(statistics.history.moments).toHaveLength(360);
    expect(statistics.history.moments.at(-1)?.at).toBe(now / 1_000);
    expect(statistics.history.moments[0]).toMatchObject({ medianSeconds: null, p95Seconds: null, leaves: 0 });
  });

  it('says how far settlement is behind, and not what is between payers and operator', () => {
    const statistics = createStatistics({ ...sources, now: () => 0 }).read();
    expect(statistics.settlement).toEqual({ unpostedLeaves: 2, pendingTransactions: 1, lastSuccessSeconds: 3 });
    expect(JSON.stringify(statistics)).not.toContain('12345');
  });
});
