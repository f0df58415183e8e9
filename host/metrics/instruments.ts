import type { Family, Labels } from './text.ts';

/** A number that only grows, one for each combination of labels. All label values come from closed lists. */
export interface Counter {
  add(labels: Labels, amount?: number): void;
  readonly family: Family;
}

export interface Histogram {
  observe(labels: Labels, value: number): void;
  readonly family: Family;
}

export function createCounter(name: string, help: string): Counter {
  const series = new Map<string, { readonly labels: Labels; value: number }>();
  return {
    add(labels, amount = 1) {
      const key = keyOf(labels);
      const found = series.get(key);
      if (found === undefined) series.set(key, { labels, value: amount });
      else found.value += amount;
    },
    get family() {
      return { name, help, type: 'counter' as const, samples: [...series.values()] };
    },
  };
}

/** From half a millisecond, the quickest answer of a small model, to the longest that a stream may last. */
export const SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120,
];

interface Observed {
  readonly labels: Labels;
  /** As many as there are bounds, not cumulative. */
  readonly counts: number[];
  count: number;
  sum: number;
}

export function createHistogram(name: string, help: string, bounds: readonly number[] = SECONDS): Histogram {
  const series = new Map<string, Observed>();
  return {
    observe(labels, value) {
      const key = keyOf(labels);
      let found = series.get(key);
      if (found === undefined) {
        found = { labels, counts: bounds.map(() => 0), count: 0, sum: 0 };
        series.set(key, found);
      }
      const place = bounds.findIndex((bound) => value <= bound);
      if (place >= 0) found.counts[place] = (found.counts[place] as number) + 1;
      found.count += 1;
      found.sum += value;
    },
    get family() {
      return { name, help, type: 'histogram' as const, samples: [...series.values()].flatMap((one) => samplesOf(one)) };
    },
  };

  function samplesOf({ labels, counts, count, sum }: Observed): Family['samples'] {
    let below = 0;
    const buckets = bounds.map((bound, place) => {
      below += counts[place] as number;
      return { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: below };
    });
    return [
      ...buckets,
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
      { suffix: '_sum', labels, value: sum },
      { suffix: '_count', labels, value: count },
    ];
  }
}

function keyOf(labels: Labels): string {
  return Object.values(labels).join('\0');
}
