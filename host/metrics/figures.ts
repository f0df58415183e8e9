import type { Family } from './text.ts';
import { type Outcome, outcomes } from './traffic.ts';

/** Requests that run a model, by the patterns of their routes; everything else only reads. */
const RUNNING: ReadonlySet<string> = new Set([
  '/v2/models/:/infer',
  '/v2/models/:/versions/:/infer',
  '/v1/sessions/:',
  '/v1/sessions/:/charged',
  '/v1/chat/completions',
  '/v1/completions',
]);

/** Totals since the host was started. */
export interface TrafficFigures {
  readonly requests: Readonly<Record<Outcome, number>>;
  readonly latency: Latency;
}

export interface Latency {
  /** Upper ends in seconds; one more count than these has what took longer than all of them. */
  readonly bounds: readonly number[];
  /** How many requests took at most so long and longer than the bound before. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** Added up over all routes that run a model: who asked for which is nobody else's business. */
export function trafficFigures(families: readonly Family[]): TrafficFigures {
  const samplesOf = (name: string): Family['samples'] =>
    (families.find((family) => family.name === name)?.samples ?? []).filter(({ labels }) =>
      RUNNING.has(labels?.['route'] ?? ''),
    );
  const requests = samplesOf('proofmark_requests_total');
  const ended = (outcome: Outcome): number =>
    requests.filter(({ labels }) => labels?.['outcome'] === outcome).reduce((sum, { value }) => sum + value, 0);
  return {
    requests: Object.fromEntries(outcomes.map((outcome) => [outcome, ended(outcome)])) as Record<Outcome, number>,
    latency: latencyOf(samplesOf('proofmark_request_seconds')),
  };
}

function latencyOf(samples: Family['samples']): Latency {
  const below = new Map<number, number>();
  let sumSeconds = 0;
  for (const { suffix, labels, value } of samples) {
    if (suffix === '_sum') sumSeconds += value;
    if (suffix !== '_bucket') continue;
    const bound = labels?.['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels?.['le']);
    below.set(bound, (below.get(bound) ?? 0) + value);
  }
  const ends = [...below.keys()].sort((a, b) => a - b);
  const counts = ends.map((end, at) => (below.get(end) ?? 0) - (at === 0 ? 0 : (below.get(ends[at - 1] ?? 0) ?? 0)));
  return { bounds: ends.filter(Number.isFinite), counts, sumSeconds };
}

/** What came between two moments. */
export function since(before: TrafficFigures | undefined, now: TrafficFigures): TrafficFigures {
  if (before === undefined) return now;
  const { requests, latency } = before;
  return {
    requests: Object.fromEntries(
      outcomes.map((outcome) => [outcome, now.requests[outcome] - requests[outcome]]),
    ) as Record<Outcome, number>,
    latency: {
      bounds: now.latency.bounds,
      counts: now.latency.counts.map((count, at) => count - (latency.counts[at] ?? 0)),
      sumSeconds: now.latency.sumSeconds - latency.sumSeconds,
    },
  };
}

/** In seconds, straight between the bounds of its bucket; null where nothing was asked. */
export function quantile({ bounds, counts }: Latency, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = share * total;
  for (const [at, count] of counts.entries()) {
    const from = at === 0 ? 0 : (bounds[at - 1] ?? 0);
    const to = bounds[at];
    // What took longer than the last bound took at least so long.
    if (to === undefined) return from;
    if (left <= count && count > 0) return from + (to - from) * (left / count);
    left -= count;
  }
  return bounds.at(-1) ?? null;
}
