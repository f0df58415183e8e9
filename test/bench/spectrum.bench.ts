import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settlerOf } from '../../cli/levels/index.ts';
import { question } from '../../cli/levels/question.ts';
import { type DemoLevel, demoLevels, type Settled } from '../../cli/levels/settled.ts';
import { type StageOptions, withStage } from '../../cli/levels/stage.ts';
import { openIntegerRelease } from '../../cli/prove/integer-release.ts';
import { findChain } from '../../cli/stack/on-chain.ts';
import { evaluate } from '../../contracts/integer/evaluate.ts';
import { BenchError, median, type Report, time } from './report.ts';
import { measureProver, type ProveResult } from './spectrum/prover.ts';
import { measureReceipts } from './spectrum/receipts.ts';
import { shippedProver } from './spectrum/shipped.ts';
import { wideProver } from './spectrum/wide.ts';

const ROUNDS = 3;
const PROOFS = 5;
const EVALUATIONS = 200;
const GAS = new URL('../../contracts/snapshots/gas.json', import.meta.url);

/** One question to one model, settled at every level: docs/spectrum.md is made from these numbers. */
export async function run(report: Report): Promise<void> {
  const choice = await findChain();
  if (choice.kind === 'none') {
    console.log(`  left out: ${choice.why}`);
    return;
  }
  const stages = { start: choice.start, steps: { begin: () => undefined, end: () => undefined } };
  for (const level of demoLevels) {
    const settled: Settled[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      settled.push(await inFolder(async (stateDirectory) => settleOnce(level, { ...stages, stateDirectory })));
    }
    addLevel(report, level, settled);
  }
  await inFolder(async (stateDirectory) => {
    const costs = await measureReceipts({ ...stages, stateDirectory });
    report.add('spectrum.attested.archive_bytes', costs.archiveBytes);
    report.add('spectrum.attested.verify_ms', costs.verifyMs);
    report.add('spectrum.replayed.replay_s', costs.replaySeconds);
    report.add('spectrum.replayed.replay_mb', costs.replayMegabytes);
    const { program } = await withStage({ ...stages, stateDirectory: join(stateDirectory, 'again') }, ({ release }) =>
      openIntegerRelease(release.releaseDirectory),
    );
    report.add('spectrum.recomputed.verify_ms', (await time(EVALUATIONS, () => evaluate(program, question))).medianMs);
  });
  report.add('spectrum.784-32-10.verify_gas', measuredGas('proved.verify.784-32-10'));
  report.add('spectrum.16-32-8-2.recomputed_gas', measuredGas('recomputed.fulfil.16-32-8-2'));
  addProver(report, 'spectrum.proved', await measureProver(shippedProver(PROOFS)));
  const wide = await wideProver(PROOFS);
  if (wide === undefined) console.log('  784-32-10 left out: PROOFMARK_PHASE1 names no powers of tau');
  else addProver(report, 'spectrum.784-32-10', await measureProver(wide));
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'pm-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function settleOnce(level: DemoLevel, options: StageOptions): Promise<Settled> {
  return withStage(options, await settlerOf(level));
}

function addLevel(report: Report, level: DemoLevel, settled: readonly Settled[]): void {
  const costs = settled.map(({ cost }) => cost);
  report.add(`spectrum.${level}.gas`, measuredGas(`spectrum.${level}.gas`));
  report.add(`spectrum.${level}.seconds`, median(costs.map(({ seconds }) => seconds)));
  report.add(`spectrum.${level}.bytes`, median(costs.map(({ bytes }) => bytes)));
  const efforts = costs.flatMap(({ effort }) => (effort === 'none' ? [] : [effort]));
  const [first] = efforts;
  if (first === undefined) return;
  report.add(`spectrum.${level}.${first.who}_s`, median(efforts.map(({ seconds }) => seconds)));
}

/** In the steady state, with credits that are not zero before: exact, as `make gas` measures it, and the same on every machine. */
function measuredGas(what: string): number {
  const gas = (JSON.parse(readFileSync(GAS, 'utf8')) as Readonly<Record<string, number>>)[`osaka.${what}`];
  if (gas === undefined) throw new BenchError('value_invalid', `make gas has no figure for ${what}`);
  return gas;
}

function addProver(report: Report, key: string, { seconds, verifyMs, fileBytes, megabytes }: ProveResult): void {
  const [first = Number.NaN, ...later] = seconds;
  report.add(`${key}.prove_first_s`, first);
  report.add(`${key}.prove_s`, median(later));
  report.add(`${key}.prove_mb`, megabytes);
  report.add(`${key}.verify_ms`, verifyMs);
  report.add(`${key}.file_bytes`, fileBytes);
}
