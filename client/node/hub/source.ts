import { constants, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { HubError } from '../../hub/errors.ts';
import type { ReleaseSource, SourceFile } from '../../hub/source.ts';
import { onDisk, unlessMissing } from './failures.ts';
import { chunksOf } from './part-file.ts';

/** The files of a release as they lie in a folder. */
export function folderSource(directory: string): ReleaseSource {
  return {
    file: async (path) => {
      const at = join(directory, path);
      const found = await onDisk(() => unlessMissing(() => lstat(at, { bigint: true })));
      if (found?.isFile() !== true) throw new HubError('folder_failed', `${path} is not a plain file`);
      const file: SourceFile = {
        size: Number(found.size),
        // A file that was written to, or that another was put in place of, shows it here.
        stamp: [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':'),
        chunks: (from) => chunksFrom(at, from),
      };
      return file;
    },
  };
}

async function* chunksFrom(path: string, from: number): AsyncGenerator<Uint8Array> {
  const handle = await onDisk(() => open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  try {
    yield* chunksOf(handle, from);
  } finally {
    await handle.close();
  }
}
