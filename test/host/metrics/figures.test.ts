import { describe, expect, it } from 'vitest';
import { type Latency, quantile, since, type TrafficFigures, trafficFigures } from '../../../host/metrics/figures.ts';
import { createCounter, createHistogram } from '../../../host/metrics/instruments.ts';

const INFER = '/v2/models/:/infer';
const SEALED = '/v1/sessions/:';

interface Told {
  ask(route: string, outcome: string, took: number): void;
  figures(): TrafficFigures;
}

function traffic(): Told {
  const requests = createCounter('proofmark_requests_total', '');
  const seconds = createHistogram('proofmark_request_seconds', '', [1, 2, 4]);
  return {
    ask(route: string, outcome: string, took: number) {
      requests.add({ route, outcome });
      seconds.observe({ route }, took);
    },
    figures: () => trafficFigures([requests.family, seconds.family]),
  };
}

describe('figures of the traffic', () => {
  it('add up what ran a model, over all routes, and nothing else', () => {
    const { ask, figures } = traffic();
    ask(INFER, 'ok', 0.5);
    ask(SEALED, 'ok', 1.5);
    ask(SEALED, 'failed', 9);
    ask('/v1/statistics', 'ok', 0.1);
    ask('/console/*', 'ok', 0.1);
    expect(figures()).toEqual({
      requests: { ok: 2, refused: 0, failed: 1, left: 0 },
      latency: { bounds: [1, 2, 4], counts: [1, 1, 0, 1], sumSeconds: 11 },
    });
  });

  it('are of the time between two moments', () => {
    const { ask, figures } = traffic();
    const nothing = figures();
    ask(INFER, 'ok', 0.5);
    const before = figures();
    ask(INFER, 'left', 3);
    expect(since(nothing, before).latency.counts).toEqual([1, 0, 0, 0]);
    expect(since(before, figures())).toEqual({
      requests: { ok: 0, refused: 0, failed: 0, left: 1 },
      latency: { bounds: [1, 2, 4], counts: [0, 0, 1, 0], sumSeconds: 3 },
    });
  });
});

describe('a quantile', () => {
  const latency = (counts: readonly number[]): Latency => ({ bounds: [1, 2, 4], counts, sumSeconds: 0 });

  it('lies straight between the bounds of its bucket', () => {
    expect(quantile(latency([0, 10, 0, 0]), 0.5)).toBe(1.5);
    expect(quantile(latency([10, 0, 10, 0]), 0.75)).toBe(3);
    expect(quantile(latency([4, 0, 0, 0]), 1)).toBe(1);
  });

  it('is the last bound where it is beyond all, and nothing where nothing was asked', () => {
    expect(quantile(latency([0, 0, 0, 3]), 0.5)).toBe(4);
    expect(quantile(latency([0, 0, 0, 0]), 0.5)).toBeNull();
    expect(quantile({ bounds: [], counts: [], sumSeconds: 0 }, 0.5)).toBeNull();
  });
});
