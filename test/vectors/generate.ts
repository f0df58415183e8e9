import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { corpusFiles } from './corpus/files.ts';
import { goldenFiles } from './golden/all.ts';

/** `make vectors`: writes the same bytes every time; a difference in git is a change of the protocol. */
const folder = join(import.meta.dirname, '..', '..', 'attestations', 'vectors');

async function write(under: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) {
    const path = join(folder, under, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    process.stdout.write(`${under}/${name}\n`);
  }
}

await write('wire', await goldenFiles());
await write('evidence', corpusFiles());
