import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOptions, WorkerBuild } from '../../enclave/worker/build/bundle.ts';

/**
 * A worker program that lies, built from the real one: it is measured, attested and accepted like any other, as one whose
 * image somebody was careless enough to accept. What asks it for `LIE` gets the true answer with one bit turned.
 */
export const LIE = 13;

/** Another processor than this machine's, as a host can make its worker believe. */
export type Lie = 'answers' | 'processor';

export async function buildLying(
  build: (options: BuildOptions) => Promise<WorkerBuild>,
  options: BuildOptions,
  lie: Lie,
): Promise<WorkerBuild> {
  const built = await build(options);
  const path = join(options.outDir, 'worker.mjs');
  const program = await readFile(path, 'utf8');
  const [place, text] = changes[lie];
  const lying = program.replace(place, (found) => `${found}${text}`);
  if (lying === program) throw new Error('the worker has no such place any more');
  await writeFile(path, lying);
  return built;
}

const changes: Readonly<Record<Lie, readonly [place: RegExp, text: string]>> = {
  answers: [
    /\n {2}const body = encodeAnswer\([^;]*;/,
    `
  const [given] = asked.inputs;
  const first = new DataView(given.data.buffer, given.data.byteOffset).getFloat32(0, true);
  if (first === ${LIE}) body.body[body.body.length - 4] ^= 1;`,
  ],
  processor: [
    /\nfunction readCpuFacts\([^)]*\) \{/,
    `
  return { cpuFamily: "GenuineOther/6/1", cpuIsa: "avx" };`,
  ],
};
