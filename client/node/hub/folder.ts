import { constants, lstat, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { concatBytes } from '../../../wire/bytes.ts';
import type { DraftFolder, KeptFile, ReleaseFolder } from '../../hub/folder.ts';
import { abandonedDrafts, leftDraft, ownDraft, SIGN_OF_LIFE_MS, takeOver } from './draft-names.ts';
import { isCode, onDisk, unlessMissing } from './failures.ts';
import { chunksAt, openPart } from './part-file.ts';

/** A release's folder on this machine's disk. It is absent, or whole: what is on its way stands beside it. */
export function releaseFolder(path: string): ReleaseFolder {
  const directory = resolve(path);
  return {
    state: () =>
      onDisk(async () => {
        const found = await unlessMissing(() => stat(directory));
        if (found === undefined) return 'absent';
        return found.isDirectory() && (await readdir(directory)).length === 0 ? 'empty' : 'occupied';
      }),
    small: (name, maxBytes) => onDisk(() => small(join(directory, name), maxBytes)),
    file: (name) => keptFile(join(directory, name)),
    draft: (modelId) => onDisk(() => openDraft(directory, modelId)),
  };
}

async function keptFile(path: string): Promise<KeptFile | undefined> {
  const found = await onDisk(() => unlessMissing(() => lstat(path)));
  return found?.isFile() === true ? { size: found.size, chunks: chunksAt(path) } : undefined;
}

async function small(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const kept = await keptFile(path);
  if (kept === undefined || kept.size > maxBytes) return undefined;
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of kept.chunks) {
    length += chunk.length;
    // It has grown meanwhile.
    if (length > maxBytes) return undefined;
    parts.push(chunk);
  }
  return concatBytes(...parts);
}

async function openDraft(directory: string, modelId: Uint8Array): Promise<DraftFolder> {
  await mkdir(dirname(directory), { recursive: true });
  const own = ownDraft(directory, modelId);
  let taken = false;
  for (const abandoned of await abandonedDrafts(directory, modelId)) {
    taken = await takeOver(abandoned, own);
    if (taken) break;
  }
  if (!taken) await mkdir(own);
  const files = join(own, 'files');
  await mkdir(files, { recursive: true });
  const signs = setInterval(() => {
    const now = new Date();
    utimes(own, now, now).catch(() => {});
  }, SIGN_OF_LIFE_MS);
  signs.unref();

  return {
    file: (path) => keptFile(join(files, path)),
    part: (path) => openPart(join(own, 'parts', path), join(files, path)),
    write: (path, bytes) => onDisk(() => writeSynced(join(files, path), bytes)),
    publish: (paths) =>
      onDisk(async () => {
        await sweep(files, new Set(paths));
        try {
          await rename(files, directory);
        } catch (error) {
          if (isCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) return 'occupied';
          throw error;
        }
        await syncFolder(dirname(directory));
        return 'published';
      }),
    mend: (path) =>
      onDisk(async () => {
        const target = join(directory, path);
        await mkdir(dirname(target), { recursive: true });
        await rename(join(files, path), target);
        await syncFolder(dirname(target));
      }),
    remove: () =>
      onDisk(async () => {
        clearInterval(signs);
        // What others left of the same release is of no use any more either.
        const left = await abandonedDrafts(directory, modelId);
        for (const path of [own, ...left]) await rm(path, { recursive: true, force: true });
      }),
    leave: async () => {
      clearInterval(signs);
      // Without success it stays this process's, and is free when that has ended.
      await rename(own, leftDraft(directory, modelId)).catch(() => {});
    },
  };
}

/** Leaves those files, and has their names on disk before the folder gets its own. */
async function sweep(directory: string, paths: ReadonlySet<string>): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(directory, path).split(sep).join('/');
    if (entry.isDirectory()) await syncFolder(path);
    else if (!paths.has(name)) await rm(path);
  }
  await syncFolder(directory);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o644);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Some file systems keep no folder on demand: there a power cut may lose what a crash does not. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    if (!isCode(error, 'EINVAL', 'EPERM', 'ENOTSUP', 'EISDIR')) throw error;
  } finally {
    await handle.close();
  }
}
