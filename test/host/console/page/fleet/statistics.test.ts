import { describe, expect, it } from 'vitest';
import { ClientError, type HostTransport } from '../../../../../client/index.ts';
import {
  askStatistics,
  growthOf,
  type Moment,
  parseStatistics,
  throughputOf,
} from '../../../../../host/console/page/fleet/statistics.ts';
import { createStatistics } from '../../../../../host/metrics/statistics.ts';
import { createTraffic } from '../../../../../host/metrics/traffic.ts';
import { utf8 } from '../../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../../wire/codec/json.ts';
import { WireError } from '../../../../../wire/errors.ts';

const quiet = { ok: 0, refused: 0, failed: 0, left: 0 };
const moment = (at: number, changes: Partial<Moment> = {}): Moment => ({
  ...{ at, requests: quiet, medianSeconds: null, p95Seconds: null, leaves: 0 },
  ...changes,
});

function served(): { readonly [name: string]: JsonValue } {
  const keeper = createStatistics({
    traffic: createTraffic({ now: () => 0 }),
    workers: { members: [] },
    logSize: () => 0,
    settlement: () => ({ unpostedLeaves: 2, unclaimedAmount: 1, pendingTransactions: 1, lastSuccessSeconds: 3.5 }),
    now: () => 1_800_000_000_000,
  });
  keeper.note();
  return JSON.parse(JSON.stringify(keeper.read())) as { readonly [name: string]: JsonValue };
}

const host = (get: () => Promise<Uint8Array>): HostTransport => ({ get }) as unknown as HostTransport;

describe('the figures of a host', () => {
  it('are read as the host’s own code writes them', async () => {
    const statistics = await askStatistics(host(async () => utf8(JSON.stringify(served()))));
    expect(statistics).toMatchObject({
      settlement: { unpostedLeaves: 2, pendingTransactions: 1, lastSuccessSeconds: 3.5 },
      everySeconds: 10,
      moments: [moment(1_800_000_000)],
    });
  });

  it('are absent where the host has none, which is no fault', async () => {
    const absent = host(() => Promise.reject(new ClientError('host_error', 'no', { reason: 'not_found' })));
    expect(await askStatistics(absent)).toBe('not-published');
    const away = host(() => Promise.reject(new ClientError('host_unreachable', 'no')));
    await expect(askStatistics(away)).rejects.toMatchObject({ code: 'host_unreachable' });
  });

  it.each([
    { version: 2 },
    { uptimeSeconds: -1 },
    { uptimeSeconds: 1.5 },
    { requests: { ok: 1 } },
    { latency: { bounds: [1], counts: [-1], sumSeconds: 0 } },
    { settlement: { unpostedLeaves: 1, pendingTransactions: 1, lastSuccessSeconds: -1 } },
    { history: { everySeconds: 0, moments: [] } },
    { more: 1 },
  ])('are refused with %j', (change) => {
    expect(() => parseStatistics({ ...served(), ...change })).toThrow(WireError);
  });

  it('become requests per second, without moments that go back in time', () => {
    const moments = [
      moment(10, { requests: { ok: 20, refused: 1, failed: 2, left: 2 }, medianSeconds: 0.5, p95Seconds: 2 }),
      moment(5),
      moment(20),
    ];
    expect(throughputOf({ moments, everySeconds: 10 })).toEqual({
      times: [10, 20],
      answered: [2, 0],
      notAnswered: [0.5, 0],
      median: [0.5, null],
      p95: [2, null],
    });
  });

  it('stand beside what was proven here, and are never taken for it', () => {
    const growth = growthOf([moment(10, { leaves: 3 }), moment(20, { leaves: 4 })], [{ at: 15, leaves: 3 }]);
    expect(growth).toEqual({ times: [10, 15, 20], proven: [null, 3, null], said: [3, null, 4] });
  });
});
