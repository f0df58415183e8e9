import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../../wire/limits.ts';
import { HubError, HubStartError } from '../errors.ts';
import type { Disk } from './disk.ts';
import { DIGEST, type Layout } from './layout.ts';

/** Files by their digests, each once, whatever releases have it. */
export interface Blobs {
  /** Undefined where it is not here. */
  sizeOf(digest: string): number | undefined;
  readonly bytes: number;
  readonly count: number;
  /** To be read, and its size as it is on the disk. */
  open(digest: string): Promise<{ readonly file: FileHandle; readonly size: number }>;
  /** Takes in a whole part whose digest was checked; a blob that is here already stays. */
  put(digest: string, part: string, size: number): Promise<void>;
  /** Takes a damaged blob out of service, for whoever wants to look at it. */
  quarantine(digest: string): Promise<void>;
  /** Removes what nothing refers to; returns how many there were. */
  sweep(isNeeded: (digest: string) => boolean): Promise<number>;
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW;

/**
 * Sizes are looked at, digests are not: to read a terabyte before serving a byte would keep a hub down for an hour after
 * each restart, and prove nothing of the byte that is served a day later. Digests are checked as files are served.
 */
export async function openBlobs(layout: Layout, disk: Disk): Promise<Blobs> {
  const sizes = new Map<string, number>();
  let bytes = 0;
  for (let prefix = 0; prefix < 256; prefix++) {
    const folder = layout.blobFolder(prefix.toString(16).padStart(2, '0').padEnd(64, '0'));
    for (const name of await readdir(folder)) {
      if (!DIGEST.test(name)) throw new HubStartError('store_invalid', `${join(folder, name)} is no blob`);
      const found = await lstat(join(folder, name));
      if (!found.isFile()) throw new HubStartError('store_invalid', `${join(folder, name)} is not a plain file`);
      add(name, found.size);
    }
  }

  function add(digest: string, size: number): void {
    sizes.set(digest, size);
    bytes += size;
  }

  function forget(digest: string): void {
    bytes -= sizes.get(digest) ?? 0;
    sizes.delete(digest);
  }

  return {
    sizeOf: (digest) => sizes.get(digest),
    get bytes() {
      return bytes;
    },
    get count() {
      return sizes.size;
    },
    async open(digest) {
      try {
        const file = await open(layout.blob(digest), READ);
        const found = await file.stat();
        if (found.isFile()) return { file, size: found.size };
        await file.close();
        throw new HubError('blob_damaged');
      } catch (cause) {
        if (cause instanceof HubError) throw cause;
        // EMFILE and the like pass; what is not there, or is a link by now, stays so.
        const code = (cause as NodeJS.ErrnoException).code;
        throw new HubError(code === 'ENOENT' || code === 'ELOOP' ? 'blob_damaged' : 'busy', { cause });
      }
    },
    async put(digest, part, size) {
      if (sizes.has(digest)) {
        await disk.remove(part);
        return;
      }
      await disk.rename(part, layout.blob(digest));
      await disk.syncFolder(layout.blobFolder(digest));
      if (!sizes.has(digest)) add(digest, size);
    },
    async quarantine(digest) {
      if (!sizes.has(digest)) return;
      forget(digest);
      await disk.rename(layout.blob(digest), join(layout.quarantine, digest));
      await disk.syncFolder(layout.quarantine);
    },
    async sweep(isNeeded) {
      const idle = [...sizes.keys()].filter((digest) => !isNeeded(digest));
      for (const digest of idle) {
        if (isNeeded(digest)) continue;
        forget(digest);
        await disk.remove(layout.blob(digest));
      }
      return idle.length;
    },
  };
}

/** What the bytes on the disk hash to, whatever was thought of them while they came. */
export async function digestOf(file: FileHandle, size: number): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(limits.hubChunkBytes);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) return '';
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex');
}
