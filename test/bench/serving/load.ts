import { join } from 'node:path';
import { type Forked, startForked } from '../../support/forked.ts';

export interface LoadJob {
  readonly port: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Whole HTTP requests, sent in turn. */
  readonly requests: readonly Uint8Array[];
  /** Sealed records may be sent once; then the measurement ends early where there are no more. */
  readonly once: boolean;
  /** One in so many answers is handed back, to be judged when nothing is timed any more. */
  readonly keepEvery: number;
  /** How long a connection is silent after it was told that there is no capacity. */
  readonly pauseMs: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** Milliseconds of every answer, by HTTP status. */
  readonly latencies: Readonly<Record<string, Float64Array>>;
  readonly kept: readonly { readonly index: number; readonly answer: Uint8Array }[];
}

/** Where the measured time begins and where it ends. */
export type LoadEdge = 'begin' | 'end';

export type LoadGenerator = Forked<LoadJob, LoadEdge, LoadResult>;

/** In a process of its own, so that its work is on no server's account. */
export function startLoadGenerator(): LoadGenerator {
  return startForked(join(import.meta.dirname, 'load-main.ts'));
}

/** The value below which so large a share of `values` lies. */
export function quantile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
