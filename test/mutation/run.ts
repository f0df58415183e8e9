import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportStep, runStep } from '../house/steps.ts';
import { equalChanges } from './equal.ts';
import { covers, slices } from './slices.ts';

/** In percent, for every file: fewer noticed changes than this fail the run. */
const THRESHOLD = 85;
const REPORTS = join('coverage', 'mutation');

interface Mutant {
  readonly status: string;
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly location: { readonly start: { readonly line: number; readonly column: number } };
}

interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

/** Narrows to some slices, or to one file of the slice that it belongs to: `wire/noise/record.ts`. */
const { positionals } = parseArgs({ allowPositionals: true });

const chosen = Object.entries(slices).flatMap(([name, slice]) => {
  if (positionals.length === 0 || positionals.includes(name)) return [{ name, ...slice }];
  const files = positionals.filter((file) => file.endsWith('.ts') && slice.mutate.some((glob) => covers(glob, file)));
  return files.length === 0 ? [] : [{ name, mutate: files, tests: slice.tests }];
});
if (chosen.length === 0) throw new Error(`no such slice or file; slices are ${Object.keys(slices).join(', ')}`);

function isNoticed({ status }: Mutant): boolean {
  return status === 'Killed' || status === 'Timeout';
}

mkdirSync(REPORTS, { recursive: true });
let failures = 0;
let noticed = 0;
let judgedInAll = 0;
let equalInAll = 0;
for (const { name, mutate, tests } of chosen) {
  const report = join(REPORTS, `${name.replaceAll('/', '-')}.json`);
  const step = await runStep({
    name: `mutate ${name}`,
    command: 'stryker',
    args: ['run', 'test/mutation/stryker.config.mjs'],
    env: {
      NODE_OPTIONS: '--import tsx --experimental-vm-modules --no-warnings',
      PROOFMARK_MUTATE: mutate.join(),
      PROOFMARK_MUTATION_TESTS: tests.join(),
      PROOFMARK_MUTATION_ROOT: process.cwd(),
      PROOFMARK_MUTATION_REPORT: report,
    },
  });
  reportStep(step);
  if (step.passed) summarise(JSON.parse(readFileSync(report, 'utf8')) as Report);
  else failures++;
}
console.log(
  `mutation: ${noticed} of ${judgedInAll} changes noticed, ${equalInAll} make no difference, ${failures} files or slices failed`,
);
process.exitCode = failures === 0 ? 0 : 1;

function summarise({ files }: Report): void {
  for (const [file, { source, mutants }] of Object.entries(files)) {
    const counted = mutants.filter(({ status }) => !['Ignored', 'CompileError', 'RuntimeError'].includes(status));
    const unnoticed = counted.filter((mutant) => !isNoticed(mutant));
    const survivors = withoutEqual(file, source.split('\n'), unnoticed);
    const equal = unnoticed.length - survivors.length;
    const judged = counted.length - equal;
    if (judged === 0) continue;
    judgedInAll += judged;
    equalInAll += equal;
    noticed += judged - survivors.length;
    const score = (100 * (judged - survivors.length)) / judged;
    if (score < THRESHOLD) failures++;
    const explained = equal === 0 ? '' : `, ${equal} more make no difference`;
    console.log(`  ${score < THRESHOLD ? 'LOW ' : 'ok  '} ${score.toFixed(1)} % of ${judged} in ${file}${explained}`);
    for (const { location, status, mutatorName, replacement = '' } of survivors) {
      const where = `${file}:${location.start.line}:${location.start.column}`;
      console.log(`       ${where} ${status} ${mutatorName} -> ${replacement.replaceAll(/\s+/g, ' ').slice(0, 80)}`);
    }
  }
}

function withoutEqual(file: string, lines: readonly string[], unnoticed: readonly Mutant[]): readonly Mutant[] {
  const left = new Map<string, number>();
  for (const { line, atMost } of equalChanges.filter((equal) => equal.file === file)) {
    left.set(line, atMost);
    if (lines.some((text) => text.trim() === line)) continue;
    failures++;
    console.log(`  an explanation of a line that is gone from ${file}: ${line}`);
  }
  return unnoticed.filter(({ location }) => {
    const line = lines[location.start.line - 1]?.trim() ?? '';
    const more = left.get(line) ?? 0;
    left.set(line, more - 1);
    return more <= 0;
  });
}
