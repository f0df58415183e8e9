import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { reportStep, runStep, type Step } from './steps.ts';

const STEPS: readonly Step[] = [
  { name: 'compile', command: 'tsc', args: ['-p', 'tsconfig.build.json'] },
  { name: 'worker', command: 'tsx', args: ['enclave/worker/build/main.ts'] },
  { name: 'licences', command: 'tsx', args: ['test/house/licences.ts'] },
  { name: 'contracts', command: 'tsx', args: ['contracts/tools/compiled-main.ts', 'dist/contracts/compiled.json'] },
  { name: 'console', command: 'tsx', args: ['host/console/build/main.ts'] },
];

rmSync('dist', { recursive: true, force: true });
for (const step of STEPS) {
  const result = await runStep(step);
  reportStep(result);
  if (!result.passed) process.exit(1);
}
const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: Readonly<Record<string, string>> };
for (const path of Object.values(bin)) chmodSync(path, 0o755);
