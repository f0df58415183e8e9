import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWorker } from './bundle.ts';

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const root = resolve(import.meta.dirname, '../../..');
const { files } = await buildWorker({ root, outDir: resolve(values.out ?? join(root, 'dist/worker')) });
for (const { path, sha256 } of files) process.stdout.write(`${sha256}  ${path}\n`);
