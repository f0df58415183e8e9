import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { ImageBuildError } from './build-error.ts';
import { changed, hashFile, readPart } from './files.ts';
import { type ImageLock, type LockedFile, lockedFiles } from './lock.ts';

/**
 * A folder of input files, each under its own SHA-256. What lies in it is checked again each time it is read, so the
 * folder need not be trusted, and may be copied from anywhere.
 */
export interface InputStore {
  readonly folder: string;
}

/** What was downloaded once may be deleted at any time: a cache by the XDG base directory specification. */
export function defaultInputStore(environment: Readonly<Record<string, string | undefined>>): InputStore {
  const base = environment['XDG_CACHE_HOME'];
  const cache = base === undefined || base === '' ? join(homedir(), '.cache') : base;
  return { folder: join(cache, 'proofmark', 'inputs') };
}

export function inputPath({ folder }: InputStore, file: LockedFile): string {
  return join(folder, 'sha256', toHex(file.sha256));
}

/** The pinned bytes, or an error that names the file. */
export async function readInput(store: InputStore, file: LockedFile): Promise<Uint8Array> {
  const { name } = file.recipe;
  const read = await readPart(inputPath(store, file), { name, maxBytes: limits.imageInputBytes }).catch(
    (error: unknown) => {
      if (!(error instanceof ImageBuildError) || error.code !== 'input_missing') throw error;
      throw new ImageBuildError('input_missing', `${name} is not in ${store.folder}: run \`proofmark image fetch\``);
    },
  );
  if (!equalBytes(read.sha256, file.sha256)) throw changed(name, file.sha256, read.sha256);
  return read.bytes;
}

/** What a fetch would have to bring. Looks at names and sizes only; reading decides. */
export async function missingInputs(store: InputStore, lock: ImageLock): Promise<readonly LockedFile[]> {
  const missing: LockedFile[] = [];
  for (const file of lockedFiles(lock)) {
    const found = await stat(inputPath(store, file)).catch(() => undefined);
    if (found?.size !== file.size) missing.push(file);
  }
  return missing;
}

/** Copies a file into the store if it is what the lock pins. Two fetches at once end with the same bytes. */
export async function keepInput(store: InputStore, file: LockedFile, source: string): Promise<void> {
  const { name } = file.recipe;
  const target = inputPath(store, file);
  const scratch = join(store.folder, `${toHex(file.sha256)}.${randomUUID()}`);
  await mkdir(join(store.folder, 'sha256'), { recursive: true });
  try {
    await copyFile(source, scratch, constants.COPYFILE_EXCL);
    const found = await hashFile(scratch, { name, algorithm: 'sha256' });
    if (!equalBytes(found, file.sha256)) throw changed(name, file.sha256, found);
    await rename(scratch, target);
  } finally {
    await rm(scratch, { force: true });
  }
}
