import { existsSync } from 'node:fs';
import { reportStep, runStep, type Step } from './steps.ts';

const FOLDERS = [
  'wire',
  'verifier',
  'client',
  'enclave',
  'host',
  'cli',
  'attestations',
  'contracts',
  'test',
  'examples',
].filter((path) => existsSync(path));

/** Two lanes for two cores, the quickest verdicts first; eslint is the longest and has a lane to itself. */
const LANES: readonly (readonly Step[])[] = [
  [
    {
      name: 'biome',
      command: 'biome',
      args: ['ci', '--colors=off', '--diagnostic-level=warn', '--error-on-warnings', '.'],
    },
    { name: 'house rules', command: 'tsx', args: ['test/house/rules/main.ts'] },
    { name: 'types', command: 'tsc', args: ['-p', '.'] },
    { name: 'boundaries', command: 'depcruise', args: ['--config', '.dependency-cruiser.cjs', ...FOLDERS] },
    { name: 'forge fmt', command: 'tsx', args: ['contracts/tools/forge.ts', 'fmt', '--check'] },
    {
      name: 'forge fmt of the example',
      command: 'tsx',
      args: ['contracts/tools/forge.ts', 'fmt', '--check', '--root', 'examples/solidity-consumer'],
    },
    // Warnings are errors in foundry.toml; what did not change is not compiled again.
    { name: 'forge build', command: 'tsx', args: ['contracts/tools/forge.ts', 'build'] },
  ],
  [
    { name: 'eslint', command: 'eslint', args: ['.', '--max-warnings=0'] },
    { name: 'dead code', command: 'knip', args: ['--no-progress'] },
  ],
];

async function runLane(lane: readonly Step[]): Promise<boolean> {
  let passed = true;
  for (const step of lane) {
    const result = await runStep(step);
    reportStep(result);
    passed = passed && result.passed;
  }
  return passed;
}

const started = process.hrtime.bigint();
const outcomes = await Promise.all(LANES.map(runLane));
const passed = outcomes.every((outcome) => outcome);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
console.log(`check ${passed ? 'passed' : 'failed'} in ${seconds.toFixed(1)} s`);
process.exitCode = passed ? 0 : 1;
