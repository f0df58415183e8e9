import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveSink } from '../archive-sink.ts';

/** A file appears under its name with all its bytes, or not at all: also where the machine stops in between. */
export function archiveFolder(directory: string): ArchiveSink {
  return async ({ name, bytes }) => {
    const path = join(directory, name);
    const draft = `${path}.draft`;
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  };
}
