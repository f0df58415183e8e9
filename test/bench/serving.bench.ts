import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoModel } from '../../cli/demo-model/mlp.ts';
import { proveWorkerAt } from '../support/attested-calls.ts';
import { makeRows } from '../support/mlp-rows.ts';
import { openTestStack } from '../support/stack.ts';
import { builtStack } from './built.ts';
import type { Report } from './report.ts';
import { autocannonRps } from './serving/autocannon.ts';
import { attested, type Contender, sealed, startBare } from './serving/contenders.ts';
import { startLoadGenerator } from './serving/load.ts';
import { type Figures, measure, median } from './serving/measure.ts';

/**
 * The whole stack beside servers without attestation, of the same model file, on the same machine and in the same
 * rounds: in each round every server is loaded once with one connection and once with 32, one server after the other,
 * so that whatever else the machine does meets all of them. Ratios are taken within a round; reported is the median.
 */
const ROUNDS = 5;
const LOADS = [
  { connections: 1, measureMs: 800 },
  { connections: 32, measureMs: 1_200 },
] as const;

type Rounds = ReadonlyMap<string, readonly Figures[]>;

export async function run(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pm-serving-'));
  const stops: (() => Promise<void> | void)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const modelFile = join(folder, 'model.onnx');
    await writeFile(modelFile, demoModel().onnx);
    const rows = await makeRows(64);
    const contenders: Contender[] = [];
    for (const name of ['express', 'node', 'batched', 'split'] as const) {
      const server = await startBare(name, modelFile, rows);
      stops.push(server.stop);
      contenders.push(server);
    }
    const { startStack: start } = await builtStack();
    const stack = await openTestStack({ tee: 'aws-nitro', role: null }, 'sim-process', { start });
    stops.push(() => stack.stop());
    const options = { stack, rows, worker: await proveWorkerAt(stack.url, stack.policyFile) };
    contenders.push(attested(options), await sealed(options));
    const rounds = await runRounds(contenders, stops);
    const express = contenders.find(({ name }) => name === 'express');
    const body = JSON.stringify({ input: Array.from(rows[0]?.values ?? []) });
    const seen = await autocannonRps(`http://127.0.0.1:${express?.port}/infer`, body, 32);
    report.add('serving.rows.express.c32.autocannon_rps', seen);
    reportRounds(report, rounds);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function runRounds(contenders: readonly Contender[], stops: (() => Promise<void> | void)[]): Promise<Rounds> {
  const load = startLoadGenerator();
  stops.push(load.stop);
  const rounds = new Map<string, Figures[]>();
  // A server that stays up has compiled its code.
  for (const contender of contenders) await measure(load, contender, { connections: 32, measureMs: 2_000 });
  for (let round = 0; round < ROUNDS; round++) {
    for (const { connections, measureMs } of LOADS) {
      for (const contender of contenders) {
        const key = rowKey(contender.name, connections);
        const figures = await measure(load, contender, { connections, measureMs });
        rounds.set(key, [...(rounds.get(key) ?? []), figures]);
      }
    }
    console.log(`  round ${round + 1} of ${ROUNDS}, load of the machine ${loadavg()[0]?.toFixed(1)}`);
  }
  return rounds;
}

function rowKey(name: string, connections: number): string {
  return `${name}.c${connections}`;
}

function reportRounds(report: Report, rounds: Rounds): void {
  const perRound = (key: string, read: (figures: Figures) => number): readonly number[] =>
    (rounds.get(key) ?? []).map(read);
  /** The median over rounds of what two rows of one round come to. */
  const compare = (
    [first, second]: readonly [string, string],
    read: (figures: Figures) => number,
    combine: (a: number, b: number) => number,
  ): number => {
    const others = perRound(second, read);
    return median(perRound(first, read).map((value, round) => combine(value, others[round] ?? Number.NaN)));
  };
  const ratio = (a: number, b: number): number => a / b;
  const rps = ({ rps }: Figures): number => rps;
  const p50 = ({ p50Ms }: Figures): number => p50Ms;
  report.add('serving.mlp.attested_over_express', compare(['attested.c32', 'express.c32'], rps, ratio));
  report.add('serving.mlp.attested_over_batched', compare(['attested.c32', 'batched.c32'], rps, ratio));
  report.add('serving.mlp.sealed_over_batched', compare(['sealed.c32', 'batched.c32'], rps, ratio));
  report.add('serving.mlp.p50_c1_over_express', compare(['attested.c1', 'express.c1'], p50, ratio));
  const cpu = ({ cpuUs }: Figures): number => cpuUs;
  report.add(
    'serving.tax_us',
    compare(['attested.c32', 'batched.c32'], cpu, (a, b) => a - b),
  );
  // How far any server of this shape could come, whatever it left out: three processes, and headers as long as a receipt's.
  report.add('serving.split.over_express', compare(['split.c32', 'express.c32'], rps, ratio));
  report.add('serving.split.over_batched', compare(['split.c32', 'batched.c32'], rps, ratio));
  report.add('serving.split.p50_c1_over_express', compare(['split.c1', 'express.c1'], p50, ratio));
  report.add(
    'serving.split.tax_us',
    compare(['split.c32', 'batched.c32'], cpu, (a, b) => a - b),
  );
  console.log(`  ${['server', 'requests/s', 'p50 ms', 'p99 ms', 'CPU us'].map((cell) => cell.padStart(13)).join('')}`);
  for (const key of rounds.keys()) {
    const columns = {
      rps: median(perRound(key, rps)),
      p50_ms: median(perRound(key, p50)),
      p99_ms: median(perRound(key, ({ p99Ms }) => p99Ms)),
      cpu_us: median(perRound(key, cpu)),
    };
    for (const [column, value] of Object.entries(columns)) report.add(`serving.rows.${key}.${column}`, value);
    const { rps: perSecond, ...rest } = columns;
    const split = (rounds.get(key) ?? []).at(-1)?.split ?? new Map<string, number>();
    const parts = split.size < 2 ? [] : [...split].map(([role, us]) => `${role} ${us.toFixed(0)}`);
    const cells = [perSecond.toFixed(0), ...Object.values(rest).map((value) => value.toPrecision(3))];
    console.log(`  ${[key, ...cells].map((cell) => cell.padStart(13)).join('')}  ${parts.join(', ')}`);
  }
}
