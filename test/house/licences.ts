import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWorker } from '../../enclave/worker/build/bundle.ts';
import { licencesOf } from '../../host/console/build/licences.ts';

/** Beside the measured program, and no part of it: the licences of the packages that are in it. */
const root = process.cwd();
const outDir = await mkdtemp(join(tmpdir(), 'proofmark-licences-'));
try {
  const { inputs } = await buildWorker({ root, outDir });
  await writeFile(join('dist', 'worker', 'licences.txt'), await licencesOf(root, inputs));
} finally {
  await rm(outDir, { recursive: true, force: true });
}
