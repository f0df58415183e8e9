import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../digest.ts';
import { bundleConsole } from './bundle.ts';

/** Writes the console into the package: dist/console, and its digest to standard output. */
const out = join('dist', 'console');
const files = await bundleConsole({ root: process.cwd() });
await mkdir(out, { recursive: true });
for (const [name, bytes] of files) await writeFile(join(out, name), bytes);
process.stdout.write(`console sha256:${digestOf(files)}\n`);
