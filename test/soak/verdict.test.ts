import { describe, expect, it } from 'vitest';
import { type Sample, trendOf } from './flatness.ts';
import type { SoakReport } from './soak.ts';
import { describeSoak, judgeSoak, type SoakBounds } from './verdict.ts';

const flat = { mean: 1e8, growth: 0 };
const latency = { p50Ms: 5, p99Ms: 20, quietP99Ms: 10, p99OverallMs: 50 };
const good: SoakReport = {
  minutes: 1,
  loadAverage: 2,
  capacityPerSecond: 100,
  perSecond: 70,
  answers: { 'plain tensor': 10 },
  turnedAway: 0,
  wrong: [],
  calm: latency,
  siege: { ...latency, sockets: 1_000, cutOff: 500 },
  processes: [{ role: 'host', pid: 1, samples: 10, memory: flat, descriptors: { mean: 50, growth: 0 } }],
  ledger: { receipts: 10, lost: [], claimedTwice: 0 },
  peak: { connections: 100, answered: 5, turnedAway: 5, turnedAwayP50Ms: 1, turnedAwayP99Ms: 2, wrong: [] },
};

function broken(changes: Partial<SoakReport>, bounds: SoakBounds = 'quiet'): readonly string[] {
  return judgeSoak({ ...good, ...changes }, bounds)
    .filter(({ holds }) => !holds)
    .map(({ name }) => name);
}

const host = (changes: object): Partial<SoakReport> => ({
  processes: good.processes.map((process) => ({ ...process, ...changes })),
});

describe('the verdict of a soak', () => {
  it('holds for a good report, and says it', () => {
    expect(broken({})).toEqual([]);
    expect(broken({}, 'busy')).toEqual([]);
    expect(describeSoak(good, judgeSoak(good, 'quiet'))).toContain('holds   no receipt was lost: 10 receipts');
  });

  it.each<[string, Partial<SoakReport>]>([
    ['no call met anything wrong', { wrong: ['HTTP 500'] }],
    ['no receipt was lost', { ledger: { ...good.ledger, lost: ['leaf 3'] } }],
    ['no receipt was lost', { ledger: { ...good.ledger, claimedTwice: 1 } }],
    ['no receipt was lost', { ledger: { ...good.ledger, receipts: 0 } }],
    ['memory of host is flat', host({ memory: { mean: 1e8, growth: 2e8 } })],
    ['descriptors of host are flat', host({ descriptors: { mean: 60, growth: 30 } })],
    ['slow sockets are cut off', { siege: { ...good.siege, cutOff: 0 } }],
    ['slow sockets slow nobody down', { siege: { ...good.siege, p99Ms: 2_000, quietP99Ms: 1_000 } }],
    ['who finds no place is told so', { peak: { ...good.peak, turnedAway: 0 } }],
    ['who finds no place is told so', { peak: { ...good.peak, wrong: ['HTTP 503 without Retry-After'] } }],
  ])('%s', (name, changes) => {
    expect(broken(changes)).toEqual([name]);
    expect(broken(changes, 'busy')).toEqual([name]);
  });

  it('has room for a busy machine in ratios alone', () => {
    const slower = { siege: { ...good.siege, p99Ms: 60, quietP99Ms: 60 } };
    expect(broken(slower)).toEqual(['slow sockets slow nobody down']);
    expect(broken(slower, 'busy')).toEqual([]);
  });
});

describe('a trend', () => {
  const samples = (value: (at: number) => number): readonly Sample[] =>
    Array.from({ length: 101 }, (_, at) => ({ at, value: value(at) }));

  it('is what a straight line gains over all samples', () => {
    expect(trendOf(samples((at) => 7 + 3 * at)).growth).toBeCloseTo(300);
    expect(trendOf(samples(() => 7))).toEqual({ mean: 7, growth: 0 });
  });

  it('sees a leak under a saw-tooth, and no leak in one', () => {
    const saw = (at: number): number => 100 * ((at % 10) / 10);
    expect(Math.abs(trendOf(samples(saw)).growth)).toBeLessThan(15);
    expect(trendOf(samples((at) => saw(at) + at)).growth).toBeGreaterThan(85);
  });

  it('is flat where there is one sample or none', () => {
    expect(trendOf([])).toEqual({ mean: 0, growth: 0 });
    expect(trendOf([{ at: 1, value: 5 }])).toEqual({ mean: 5, growth: 0 });
  });
});
