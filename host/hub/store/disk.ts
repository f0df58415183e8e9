import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';

/**
 * What changes a hub's disk, each step by itself: a test fails or ends it after any of them and looks at what is left.
 * Reading is not among them; it leaves nothing behind.
 */
export interface Disk {
  /** A plain file to be written, never one that a link leads to. */
  openPart(path: string): Promise<FileHandle>;
  /** Returns how many bytes were written, as the system does. */
  write(file: FileHandle, bytes: Uint8Array, position: number): Promise<number>;
  truncate(file: FileHandle, size: number): Promise<void>;
  sync(file: FileHandle): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file or a folder with all in it; what is not there is no failure. */
  remove(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
}

const PART = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

export const realDisk: Disk = {
  openPart: (path) => open(path, PART, 0o600),
  write: async (file, bytes, position) => (await file.write(bytes, 0, bytes.length, position)).bytesWritten,
  truncate: (file, size) => file.truncate(size),
  sync: (file) => file.sync(),
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  async syncFolder(path) {
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

export async function writeAll(disk: Disk, file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await disk.write(file, bytes.subarray(done), position + done);
  }
}

/** A small file, whole or not at all: written beside its place, synced, moved there, and the move synced. */
export async function writeDurably(disk: Disk, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${folder}/${name}.new`;
  const file = await disk.openPart(unfinished);
  try {
    await disk.truncate(file, 0);
    await writeAll(disk, file, bytes, 0);
    await disk.sync(file);
  } finally {
    await file.close();
  }
  await disk.rename(unfinished, `${folder}/${name}`);
  await disk.syncFolder(folder);
}

/** The disk, or what this publisher may use of it, is full: nothing is wrong with the request, and nothing is lost. */
export function isFull(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
