import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { runStep } from '../house/steps.ts';
import { BenchError } from './report.ts';

/**
 * What is measured runs as it is published. tsx compiles with a wrapper around every function that is made, which keeps its
 * name for stack traces: servers that make functions for each request lose a tenth of their time to it.
 */
type StackModule = Pick<typeof import('../../cli/stack/stack.ts'), 'startStack'>;

const ROOT = resolve(import.meta.dirname, '../..');
let built: Promise<StackModule> | undefined;

/** The package's own stack, built once in a run. */
export function builtStack(): Promise<StackModule> {
  built ??= buildPackage();
  return built;
}

async function buildPackage(): Promise<StackModule> {
  console.log('  building the package');
  const { passed, output } = await runStep({ name: 'build', command: 'tsx', args: ['test/house/build.ts'], cwd: ROOT });
  if (!passed) throw new BenchError('bench_invalid', output);
  return (await import(pathToFileURL(join(ROOT, 'dist/cli/stack/stack.js')).href)) as StackModule;
}

/** A server of the bench without the wrapper, beside the packages that it uses. */
export async function bundled(source: string, name: string): Promise<string> {
  const folder = join(ROOT, '.proofmark/bench');
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, `${name}.mjs`);
  await build({
    ...{ entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' },
    ...{ packages: 'external', logLevel: 'error' },
  });
  return outfile;
}
