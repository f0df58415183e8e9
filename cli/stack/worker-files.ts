import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from '../exit-codes.ts';

const PROGRAM = 'worker.mjs';
const ENGINE = ['onnxruntime_binding.node', 'libonnxruntime.so.1'] as const;
const GUARD = 'guard.node';
const HERE = dirname(fileURLToPath(import.meta.url));

/**
 * The files of the worker's image. From a checkout the program is bundled from its sources each time, into a folder of
 * this run so that two runs cannot meet. A package carries the program and our own native code; the engine's comes from
 * its own package, a peer.
 */
export async function workerFiles(buildFolder: string): Promise<readonly string[]> {
  return import.meta.url.endsWith('.ts') ? bundledNow(buildFolder) : packaged(join(HERE, '..', '..', 'worker'));
}

async function bundledNow(outDir: string): Promise<readonly string[]> {
  const { buildWorker } = await import('../../enclave/worker/build/bundle.ts');
  await buildWorker({ root: join(HERE, '..', '..'), outDir });
  return [PROGRAM, GUARD, ...ENGINE].map((name) => join(outDir, name));
}

function packaged(folder: string): readonly string[] {
  const guard = join(folder, '..', '..', 'enclave', 'native', 'prebuilt', 'linux-x64', GUARD);
  const files = [join(folder, PROGRAM), guard, ...ENGINE.map((name) => join(engineFolder(), name))];
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new CommandError(`a file of the worker is missing: ${missing}`);
  return files;
}

function engineFolder(): string {
  // The package's main file is dist/index.js; its native code lies beside dist/.
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
}
