import { toHex } from '../../wire/bytes.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { type Latency, quantile, since, type TrafficFigures, trafficFigures } from './figures.ts';
import type { SettlementFigures } from './page.ts';
import type { Outcome, Traffic } from './traffic.ts';

/**
 * What everybody may know of a host's work, where its operator publishes it: sums over all callers, and nothing of any of
 * them. It is the host's word and proves nothing; attestations/schemas/proofmark-statistics.schema.json is its form.
 */
export interface Statistics {
  readonly version: 1;
  readonly uptimeSeconds: number;
  /** Requests that ran a model, since the host was started. */
  readonly requests: Readonly<Record<Outcome, number>>;
  readonly latency: Latency;
  /** Sent to workers and not yet answered. */
  readonly underWay: number;
  readonly logs: readonly { readonly log: string; readonly size: number }[];
  readonly settlement: SettlementLag | null;
  readonly history: { readonly everySeconds: number; readonly moments: readonly Moment[] };
}

/** How far settlement is behind. What is unclaimed is between payers and operator, and not told here. */
export interface SettlementLag {
  readonly unpostedLeaves: number;
  readonly pendingTransactions: number;
  readonly lastSuccessSeconds: number;
}

/** What happened since the moment before. */
export interface Moment {
  /** Seconds since 1970, by the host's clock. */
  readonly at: number;
  readonly requests: Readonly<Record<Outcome, number>>;
  readonly medianSeconds: number | null;
  readonly p95Seconds: number | null;
  /** Leaves of all logs that workers here write now. */
  readonly leaves: number;
}

export interface StatisticsSources {
  readonly traffic: Pick<Traffic, 'families'>;
  readonly workers: Pick<WorkerPool, 'members'>;
  readonly logSize: (log: Uint8Array) => number;
  readonly settlement: () => SettlementFigures | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface StatisticsKeeper {
  read(): Statistics;
  /** Notes one moment; called by a timer, and by tests without one. */
  note(): void;
}

export const MOMENT_SECONDS = 10;
/** An hour. */
const MOMENTS = 360;

export function createStatistics(sources: StatisticsSources): StatisticsKeeper {
  const { traffic, workers, logSize, settlement, now } = sources;
  const started = now();
  let moments: readonly Moment[] = [];
  let before: TrafficFigures = trafficFigures(traffic.families);

  const logs = (): Statistics['logs'] =>
    workers.members.flatMap(({ worker }) =>
      worker === undefined ? [] : [{ log: toHex(worker.log), size: logSize(worker.log) }],
    );

  return {
    note() {
      const figures = trafficFigures(traffic.families);
      const { requests, latency } = since(before, figures);
      before = figures;
      const moment: Moment = {
        at: Math.floor(now() / 1_000),
        requests,
        medianSeconds: quantile(latency, 0.5),
        p95Seconds: quantile(latency, 0.95),
        leaves: logs().reduce((sum, { size }) => sum + size, 0),
      };
      moments = [...moments, moment].slice(-MOMENTS);
    },
    read: () => ({
      version: 1,
      uptimeSeconds: Math.floor((now() - started) / 1_000),
      ...trafficFigures(traffic.families),
      underWay: workers.members.reduce((sum, { underWay }) => sum + underWay, 0),
      logs: logs(),
      settlement: lagOf(settlement()),
      history: { everySeconds: MOMENT_SECONDS, moments },
    }),
  };
}

function lagOf(figures: SettlementFigures | undefined): SettlementLag | null {
  if (figures === undefined) return null;
  const { unpostedLeaves, pendingTransactions, lastSuccessSeconds } = figures;
  return { unpostedLeaves, pendingTransactions, lastSuccessSeconds };
}
