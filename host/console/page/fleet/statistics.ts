import { ClientError } from '../../../../client/errors.ts';
import type { HostTransport } from '../../../../client/transport.ts';
import { array, hexBytes, integer, literal, nullable, object, type Reader } from '../../../../wire/codec/fields.ts';
import { parseJson } from '../../../../wire/codec/json.ts';

/** What a host publishes of its work: attestations/schemas/proofmark-statistics.schema.json. Its word, and no more. */
export interface Statistics {
  readonly uptimeSeconds: number;
  readonly requests: Outcomes;
  readonly underWay: number;
  readonly logs: readonly { readonly log: Uint8Array; readonly size: number }[];
  readonly settlement: SettlementLag | null;
  readonly everySeconds: number;
  readonly moments: readonly Moment[];
}

export interface Outcomes {
  readonly ok: number;
  readonly refused: number;
  readonly failed: number;
  readonly left: number;
}

export interface SettlementLag {
  readonly unpostedLeaves: number;
  readonly pendingTransactions: number;
  readonly lastSuccessSeconds: number;
}

export interface Moment {
  readonly at: number;
  readonly requests: Outcomes;
  readonly medianSeconds: number | null;
  readonly p95Seconds: number | null;
  readonly leaves: number;
}

/** An hour of moments, and as many logs as a host has workers. */
const STATISTICS_BYTES = 262_144;
const MOMENTS = 360;
const LOGS = 256;
const BUCKETS = 33;

const count: Reader<number> = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const outcomes: Reader<Outcomes> = object<Outcomes>({ ok: count, refused: count, failed: count, left: count });

function quantity(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  return count(value, path);
}

interface Served {
  readonly version: 1;
  readonly uptimeSeconds: number;
  readonly requests: Outcomes;
  readonly latency: {
    readonly bounds: readonly number[];
    readonly counts: readonly number[];
    readonly sumSeconds: number;
  };
  readonly underWay: number;
  readonly logs: Statistics['logs'];
  readonly settlement: SettlementLag | null;
  readonly history: { readonly everySeconds: number; readonly moments: readonly Moment[] };
}

const served: Reader<Served> = object<Served>({
  version: literal(1),
  uptimeSeconds: count,
  requests: outcomes,
  latency: object<Served['latency']>({
    bounds: array(quantity, { min: 0, max: BUCKETS }),
    counts: array(count, { min: 0, max: BUCKETS }),
    sumSeconds: quantity,
  }),
  underWay: count,
  logs: array(object<Statistics['logs'][number]>({ log: hexBytes(32), size: count }), { min: 0, max: LOGS }),
  settlement: nullable(
    object<SettlementLag>({ unpostedLeaves: count, pendingTransactions: count, lastSuccessSeconds: quantity }),
  ),
  history: object<Served['history']>({
    everySeconds: integer({ min: 1, max: 86_400 }),
    moments: array(
      object<Moment>({
        at: count,
        requests: outcomes,
        medianSeconds: nullable(quantity),
        p95Seconds: nullable(quantity),
        leaves: count,
      }),
      { min: 0, max: MOMENTS },
    ),
  }),
});

/** `not-published` where the operator keeps them. */
export async function askStatistics(transport: HostTransport): Promise<Statistics | 'not-published'> {
  let bytes: Uint8Array;
  try {
    bytes = await transport.get('/v1/statistics', STATISTICS_BYTES);
  } catch (error) {
    if (error instanceof ClientError && error.reason === 'not_found') return 'not-published';
    throw error;
  }
  return parseStatistics(parseJson(bytes, STATISTICS_BYTES));
}

export function parseStatistics(value: unknown): Statistics {
  const { uptimeSeconds, requests, underWay, logs, settlement, history } = served(value, 'statistics');
  return { uptimeSeconds, requests, underWay, logs, settlement, ...history };
}

export interface Throughput {
  readonly times: readonly number[];
  readonly answered: readonly (number | null)[];
  readonly notAnswered: readonly (number | null)[];
  readonly median: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
}

/** Per second. Times that do not grow are a host's mistake or its clock's: what follows them is drawn, they are not. */
export function throughputOf({ moments, everySeconds }: Pick<Statistics, 'moments' | 'everySeconds'>): Throughput {
  const ordered = inOrder(moments, ({ at }) => at);
  return {
    times: ordered.map(({ at }) => at),
    answered: ordered.map(({ requests }) => requests.ok / everySeconds),
    notAnswered: ordered.map(({ requests: { refused, failed, left } }) => (refused + failed + left) / everySeconds),
    median: ordered.map(({ medianSeconds }) => medianSeconds),
    p95: ordered.map(({ p95Seconds }) => p95Seconds),
  };
}

/** A head's size as it was sampled here. */
export interface Sample {
  readonly at: number;
  readonly leaves: number;
}

export interface Growth {
  readonly times: readonly number[];
  readonly proven: readonly (number | null)[];
  readonly said: readonly (number | null)[];
}

/** What was proven here and what the host says of earlier, on one axis. */
export function growthOf(moments: readonly Moment[], samples: readonly Sample[]): Growth {
  const said = new Map(moments.map(({ at, leaves }) => [at, leaves]));
  const proven = new Map(samples.map(({ at, leaves }) => [at, leaves]));
  const times = [...new Set([...said.keys(), ...proven.keys()])].sort((a, b) => a - b);
  return {
    times,
    proven: times.map((at) => proven.get(at) ?? null),
    said: times.map((at) => said.get(at) ?? null),
  };
}

function inOrder<T>(items: readonly T[], at: (item: T) => number): readonly T[] {
  const kept: T[] = [];
  for (const item of items) {
    const last = kept.at(-1);
    if (last === undefined || at(item) > at(last)) kept.push(item);
  }
  return kept;
}
