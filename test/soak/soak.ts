import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../bench/serving/load.ts';
import { proveWorkerAt } from '../support/attested-calls.ts';
import { makeRows } from '../support/mlp-rows.ts';
import { type CrowdResult, startCrowd } from './crowd.ts';
import { checkLedger, type LedgerVerdict } from './ledger.ts';
import { type PeakResult, runPeak } from './peak.ts';
import { startSiege } from './siege.ts';
import { openSoakStack } from './stack.ts';
import { type ProcessTrend, watchProcesses } from './watch.ts';

/**
 * The whole stack under a steady load of clients that verify everything, now left alone and now besieged by a thousand
 * slow sockets: nothing wrong, nothing lost, nothing that grows, and honest clients that hardly notice.
 */
export interface SoakOptions {
  readonly minutes: number;
  readonly onProgress: (line: string) => void;
}

export interface SoakReport {
  readonly minutes: number;
  readonly loadAverage: number;
  /** Verified answers per second with as many callers as the machine keeps busy, and the share of it that follows. */
  readonly capacityPerSecond: number;
  readonly perSecond: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly turnedAway: number;
  readonly wrong: readonly string[];
  readonly calm: Latency;
  readonly siege: Latency & { readonly sockets: number; readonly cutOff: number };
  readonly processes: readonly ProcessTrend[];
  readonly ledger: LedgerVerdict;
  readonly peak: PeakResult;
}

export interface Latency {
  readonly p50Ms: number;
  /** The median of the p99 of each second: a second in which the machine did something else is one second. */
  readonly p99Ms: number;
  /** The p99 of a quiet second: a quarter of all seconds is quieter. */
  readonly quietP99Ms: number;
  /** Of all calls, as they were. */
  readonly p99OverallMs: number;
}

const LOAD_SHARE = 0.7;
const CAPACITY_CALLERS = 32;
const SIEGE_SOCKETS = 1_000;
const WARM_UP_MS = 5_000;
const CAPACITY_MS = 5_000;
/** After a siege began or ended, until its sockets are there, or gone with what they held. */
const SETTLE_MS = 2_000;
const LONGEST_SEGMENT_MS = 60_000;

export async function runSoak({ minutes, onProgress }: SoakOptions): Promise<SoakReport> {
  const { stack, folder, languageId, openJournal, remove } = await openSoakStack();
  const [crowd, siege] = [startCrowd(), startSiege()];
  try {
    const port = Number(new URL(stack.url).port);
    const { log } = await proveWorkerAt(stack.url, stack.policyFile);
    const ledgerFile = join(folder, 'ledger');
    const { policyFile, files } = stack;
    await crowd.run({
      kind: 'open',
      url: stack.url,
      policyFile,
      modelId: files.modelId,
      languageId,
      ledger: ledgerFile,
    });
    const all: CrowdResult[] = [await crowd.run({ kind: 'closed', inFlight: CAPACITY_CALLERS, ms: WARM_UP_MS })];
    const capacity = await crowd.run({ kind: 'closed', inFlight: CAPACITY_CALLERS, ms: CAPACITY_MS });
    all.push(capacity);
    const capacityPerSecond = totalOf(capacity) / capacity.seconds;
    const perSecond = LOAD_SHARE * capacityPerSecond;
    onProgress(`${capacityPerSecond.toFixed(0)} verified answers per second; ${perSecond.toFixed(0)} from here on`);

    const watch = watchProcesses(stack.supervisor);
    const { pairs, segmentMs } = planSegments(60_000 * minutes - WARM_UP_MS - CAPACITY_MS);
    const calm: CrowdResult[] = [];
    const besieged: CrowdResult[] = [];
    let cutOff = 0;
    for (let pair = 0; pair < pairs; pair++) {
      watch.resume();
      calm.push(await crowd.run({ kind: 'steady', perSecond, ms: segmentMs }));
      watch.pause();
      await siege.run({ kind: 'begin', port, sockets: SIEGE_SOCKETS, path: '/v2/models/demo-mlp/infer' });
      // That so many connect at once is not what is measured.
      await sleep(SETTLE_MS);
      besieged.push(await crowd.run({ kind: 'steady', perSecond, ms: segmentMs }));
      ({ cutOff } = await siege.run({ kind: 'end' }));
      await sleep(SETTLE_MS);
      onProgress(
        `${pair + 1} of ${pairs}: p99 ${figure(calm.at(-1))} ms alone, ${figure(besieged.at(-1))} ms besieged`,
      );
    }
    // What a siege left would be seen here.
    watch.resume();
    all.push(await crowd.run({ kind: 'steady', perSecond, ms: SETTLE_MS }));
    const processes = watch.stop();
    await crowd.run({ kind: 'close' });
    const [row] = await makeRows(1);
    if (row === undefined) throw new Error('no row');
    const peak = await runPeak(stack.url, row);
    await stack.supervisor.stop();
    const journal = openJournal();
    const ledger = await checkLedger(ledgerFile, journal, log).finally(() => journal.close());
    all.push(...calm, ...besieged);
    return {
      minutes,
      loadAverage: loadavg()[0] ?? Number.NaN,
      capacityPerSecond,
      perSecond,
      answers: sumAnswers(all),
      turnedAway: all.reduce((sum, { turnedAway }) => sum + turnedAway, 0),
      wrong: all.flatMap(({ wrong }) => wrong),
      calm: latencyOf(calm),
      siege: { ...latencyOf(besieged), sockets: SIEGE_SOCKETS, cutOff },
      processes,
      ledger,
      peak,
    };
  } finally {
    await Promise.all([crowd.stop(), siege.stop()]);
    await remove();
  }
}

/** Calm and siege in turn, so that whatever else the machine does meets both; at least two of each. */
function planSegments(ms: number): { readonly pairs: number; readonly segmentMs: number } {
  const pairs = Math.max(2, Math.round(ms / (2 * LONGEST_SEGMENT_MS + 2 * SETTLE_MS)));
  return { pairs, segmentMs: Math.max(3_000, ms / pairs / 2 - SETTLE_MS) };
}

function totalOf({ answers }: CrowdResult): number {
  return Object.values(answers).reduce((sum, count) => sum + count, 0);
}

function sumAnswers(results: readonly CrowdResult[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { answers } of results) {
    for (const [name, count] of Object.entries(answers)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

function latencyOf(results: readonly CrowdResult[]): Latency {
  const slices = results.flatMap((result) => result.slices);
  const all = Float64Array.from(slices.flatMap((slice) => [...slice]));
  const perSecond = Float64Array.from(slices, (slice) => quantile(slice, 0.99));
  return {
    p50Ms: quantile(all, 0.5),
    p99Ms: quantile(perSecond, 0.5),
    quietP99Ms: quantile(perSecond, 0.25),
    p99OverallMs: quantile(all, 0.99),
  };
}

function figure(result: CrowdResult | undefined): string {
  return result === undefined ? '-' : latencyOf([result]).p99Ms.toFixed(0);
}
