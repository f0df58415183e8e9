import { processorMicroseconds, processTree, roleOf } from '../../support/processes.ts';
import { BenchError } from '../report.ts';
import type { Contender } from './contenders.ts';
import { type LoadGenerator, quantile } from './load.ts';

export interface Figures {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all processes of the server, per request. */
  readonly cpuUs: number;
  /** The same for each of them, by what it does. */
  readonly split: ReadonlyMap<string, number>;
}

const WARM_UP_MS = 300;
/** Of the sealed records that are made for a measurement, in requests per second: more than any server here answers. */
const MOST_PER_SECOND = 20_000;
const MOST_KEPT = 64;

export interface Measurement {
  readonly connections: number;
  readonly measureMs: number;
}

/** Loads one server and judges a sample of its answers. A single wrong or refused answer ends the bench. */
export async function measure(
  load: LoadGenerator,
  contender: Contender,
  { connections, measureMs }: Measurement,
): Promise<Figures> {
  const expected = (MOST_PER_SECOND * (WARM_UP_MS + measureMs)) / 1_000;
  const most = connections === 1 ? expected / 4 : expected;
  const requests = await contender.requests(contender.once ? most : 1);
  let before: ReadonlyMap<number, number> = new Map();
  let split: ReadonlyMap<string, number> = new Map();
  const result = await load.run(
    {
      port: contender.port,
      connections,
      warmUpMs: WARM_UP_MS,
      measureMs,
      requests,
      once: contender.once,
      keepEvery: connections === 1 ? 64 : 256,
      pauseMs: 0,
    },
    (edge) => {
      if (edge === 'begin') {
        before = new Map(processTree(contender.roots()).map((pid) => [pid, processorMicroseconds(pid)]));
      } else split = sinceThen(before);
    },
  );
  const { '200': latencies, ...others } = result.latencies;
  if (latencies === undefined || Object.keys(others).length > 0) {
    throw new BenchError('answer_wrong', `${contender.name}: HTTP ${Object.keys(others).join(', ')}`);
  }
  for (const { index, answer } of result.kept.slice(0, MOST_KEPT)) await contender.judge(index, answer);
  const count = latencies.length;
  return {
    rps: count / result.seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    cpuUs: [...split.values()].reduce((sum, spent) => sum + spent, 0) / count,
    split: new Map([...split].map(([role, spent]) => [role, spent / count])),
  };
}

function sinceThen(before: ReadonlyMap<number, number>): ReadonlyMap<string, number> {
  const spent = new Map<string, number>();
  for (const [pid, then] of before) {
    const role = roleOf(pid);
    spent.set(role, (spent.get(role) ?? 0) + processorMicroseconds(pid) - then);
  }
  return spent;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
