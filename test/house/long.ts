import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportStep, runStep, type Step } from './steps.ts';

/** Exact, so that a failure is ours and not a release of the day. */
const OTHER_NODES = ['22.23.3', '24.21.0'] as const;

/** `make test-long ARGS='--step fuzz --fuzz-seconds 60'` does a part of it. */
const { values } = parseArgs({
  options: {
    step: { type: 'string', multiple: true, default: ['campaigns', 'fuzz', 'runs', 'nodes', 'mutation'] },
    /** How many times as often as in `make test` properties are tried; read by test/support/runs.ts. */
    'runs-factor': { type: 'string', default: '50' },
    'fuzz-seconds': { type: 'string', default: '1800' },
    /** Files or slices of test/mutation/slices.ts; all of them where none is named. */
    mutate: { type: 'string', multiple: true, default: [] },
  },
});

const MORE_RUNS = { PROOFMARK_RUNS_FACTOR: values['runs-factor'] };

const LONG_TIMEOUTS = ['--testTimeout=1200000', '--hookTimeout=600000'];

const scratch = mkdtempSync(join(tmpdir(), 'proofmark-long-'));

async function unitTestsOn(version: string): Promise<readonly Step[]> {
  const prefix = join(scratch, version);
  const name = `node-linux-${process.arch}`;
  const installed = await runStep({
    name: `node ${version}`,
    command: 'npm',
    args: ['install', '--silent', '--no-save', '--prefix', prefix, `${name}@${version}`],
  });
  reportStep(installed);
  if (!installed.passed) failures++;
  const path = `${join(prefix, 'node_modules', name, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  return [
    {
      name: `units ${version}`,
      command: join(prefix, 'node_modules', name, 'bin/node'),
      args: ['node_modules/vitest/vitest.mjs', 'run'],
      env: { PATH: path },
    },
  ];
}

async function run(step: Step): Promise<void> {
  const result = await runStep(step);
  reportStep(result);
  if (result.passed)
    console.log(
      result.output
        .split('\n')
        .filter((line) => /^(not run: |\d+ passed, |fuzz passed: |mutation: )/.test(line))
        .join('\n'),
    );
  else failures++;
}

const campaigns: Readonly<Record<string, () => Promise<void>>> = {
  campaigns: () =>
    run({
      name: 'campaigns',
      command: 'vitest',
      args: ['run', '--config', 'test/long/vitest.config.ts'],
      env: MORE_RUNS,
    }),
  fuzz: () => run({ name: 'fuzz', command: 'tsx', args: ['test/fuzz/run.ts', '--seconds', values['fuzz-seconds']] }),
  runs: () => run({ name: 'more runs', command: 'vitest', args: ['run', ...LONG_TIMEOUTS], env: MORE_RUNS }),
  nodes: async () => {
    for (const version of OTHER_NODES) {
      for (const step of await unitTestsOn(version)) await run(step);
    }
  },
  mutation: () => run({ name: 'mutation', command: 'tsx', args: ['test/mutation/run.ts', ...values.mutate] }),
};

let failures = 0;
try {
  for (const name of values.step) {
    const campaign = campaigns[name];
    if (campaign === undefined) throw new Error(`no step ${name}; there are ${Object.keys(campaigns).join(', ')}`);
    await campaign();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(failures === 0 ? 'test-long passed' : `test-long: ${failures} steps failed`);
process.exitCode = failures === 0 ? 0 : 1;
