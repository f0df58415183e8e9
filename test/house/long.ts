import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { reportStep, runStep, type Step } from './steps.ts';

/** Exact, so that a failure is ours and not a release of the day. */
const OTHER_NODES = ['22.23.3', '24.21.0'] as const;

/** Read by test/support/runs.ts. */
const MORE_RUNS = { PROOFMARK_RUNS_FACTOR: '50' };

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
        .filter((line) => /^(not run: |\d+ passed, )/.test(line))
        .join('\n'),
    );
  else failures++;
}

let failures = 0;
try {
  await run({
    name: 'long',
    command: 'vitest',
    args: ['run', '--config', 'test/long/vitest.config.ts'],
    env: MORE_RUNS,
  });
  await run({ name: 'more runs', command: 'vitest', args: ['run', ...LONG_TIMEOUTS], env: MORE_RUNS });
  for (const version of OTHER_NODES) {
    for (const step of await unitTestsOn(version)) await run(step);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(failures === 0 ? 'test-long passed' : `test-long: ${failures} steps failed`);
process.exitCode = failures === 0 ? 0 : 1;
