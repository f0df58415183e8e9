import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { provedFiles } from '../contracts/fixtures/proved.ts';
import { provedVolatilityFiles } from '../contracts/fixtures/proved-volatility.ts';
import { recomputedFiles } from '../contracts/fixtures/recomputed.ts';
import { registrationFiles } from '../contracts/fixtures/registrations.ts';
import { signatureFiles } from '../contracts/fixtures/signatures.ts';
import { corpusFiles } from './corpus/files.ts';
import { goldenFiles } from './golden/all.ts';

/** `make vectors`: writes the same bytes every time; a difference in git is a change of the protocol. */
const root = join(import.meta.dirname, '..', '..');

async function write(under: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) {
    const path = join(root, under, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    process.stdout.write(`${under}/${name}\n`);
  }
}

await write('attestations/vectors/wire', await goldenFiles());
await write('attestations/vectors/evidence', corpusFiles());
await write('contracts/test/fixtures', await registrationFiles());
await write('contracts/test/fixtures', signatureFiles());
await write('contracts/test/fixtures', await recomputedFiles());
await write('contracts/test/fixtures', provedFiles());
await write('contracts/test/fixtures', await provedVolatilityFiles());
