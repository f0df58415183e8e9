import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goldenFiles } from './golden/all.ts';

/** `make vectors`: writes the same bytes every time; a difference in git is a change of the protocol. */
const folder = join(import.meta.dirname, '..', '..', 'attestations', 'vectors', 'wire');
await mkdir(folder, { recursive: true });
for (const [name, text] of await goldenFiles()) {
  await writeFile(join(folder, name), text);
  process.stdout.write(`${name}\n`);
}
