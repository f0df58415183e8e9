import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SimulatorError } from './errors.ts';

/**
 * Secrets of one machine: made on first use, kept for good, never shared. Two processes that start at once end up with
 * the same ones, because they come into being by one rename of a finished directory.
 */
export interface Kept<Name extends string, T> {
  /** Files that only their user may read at any later time, and the others. All are written with mode 0600. */
  readonly secret: readonly Name[];
  readonly public: readonly Name[];
  readonly make: () => Promise<Readonly<Record<Name, string | Uint8Array>>>;
  /** Throws anything for files that are damaged or do not belong together. */
  readonly read: (files: Readonly<Record<Name, Uint8Array>>) => T;
}

export async function openKept<Name extends string, T>(
  stateDirectory: string,
  directoryName: string,
  kept: Kept<Name, T>,
): Promise<T> {
  const directory = join(stateDirectory, directoryName);
  const found = await readKept(directory, kept);
  if (found !== undefined) return found;
  await makeKept(stateDirectory, directory, kept);
  const made = await readKept(directory, kept);
  if (made === undefined) throw new SimulatorError('root_invalid', `${directory} went away while it was made`);
  return made;
}

async function makeKept<Name extends string, T>(
  stateDirectory: string,
  directory: string,
  kept: Kept<Name, T>,
): Promise<void> {
  const draft = join(stateDirectory, `.draft-${randomBytes(8).toString('hex')}`);
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const files = await kept.make();
    for (const name of [...kept.secret, ...kept.public]) await writePrivately(join(draft, name), files[name]);
    await rename(draft, directory).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was first. Theirs are the ones, whatever we made.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function writePrivately(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Returns undefined where nothing was ever made; what is damaged is an error and is never replaced in silence. */
async function readKept<Name extends string, T>(directory: string, kept: Kept<Name, T>): Promise<T | undefined> {
  const found = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  try {
    for (const name of kept.secret) await requirePrivate(join(directory, name));
    const files: Partial<Record<Name, Uint8Array>> = {};
    for (const name of [...kept.secret, ...kept.public]) {
      files[name] = new Uint8Array(await readFile(join(directory, name)));
    }
    return kept.read(files as Record<Name, Uint8Array>);
  } catch (error) {
    if (error instanceof SimulatorError && error.code === 'root_unsafe') throw error;
    throw new SimulatorError('root_invalid', `${directory} cannot be read: ${(error as Error).message}`);
  }
}

async function requirePrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw new SimulatorError('root_unsafe', `${path} can be read by other users`);
}
