import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../../wire/limits.ts';
import { HubError } from '../errors.ts';
import { digestOf } from '../store/blobs.ts';
import { isFull, writeAll } from '../store/disk.ts';
import type { Store } from '../store/store.ts';

/** One blob of one upload. */
export interface PartKey {
  readonly modelId: string;
  readonly digest: string;
  readonly size: number;
}

export interface Incoming {
  readonly offset: number;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Ends the connection that the bytes come from. */
  readonly cut: () => void;
}

/**
 * What arrives of files, in parts that belong to one upload each: whoever sends wrong bytes under a digest spoils nobody
 * else's. A part becomes a blob when its bytes, read again from the disk, have the digest.
 */
export interface Parts {
  /** How much there is; ends a transfer of the same part that is under way, whose client asks because it was cut. */
  received(key: PartKey): Promise<number>;
  /** Appends; returns where it goes on. What arrived before a cut stays. */
  receive(key: PartKey, incoming: Incoming): Promise<number>;
  /** Whether this upload brought the blob itself and it is here. */
  isProven(key: PartKey): Promise<boolean>;
  /** Makes a blob of a part that is whole. False where bytes are missing. */
  finish(key: PartKey): Promise<boolean>;
  /** Ends what is under way for an upload. */
  stop(modelId: string): Promise<void>;
  /** Removes parts of an upload that are none of these any more. */
  keepOnly(modelId: string, digests: ReadonlyMap<string, number>): Promise<void>;
  isActive(modelId: string): boolean;
  readonly active: number;
}

interface Transfer {
  readonly modelId: string;
  readonly cut: () => void;
  readonly ended: Promise<unknown>;
}

export function createParts(store: Store): Parts {
  const { layout, disk, blobs } = store;
  const transfers = new Map<string, Transfer>();
  const nameOf = ({ modelId, digest }: PartKey): string => `${modelId}/${digest}`;

  /** Ends whatever is under way for a part, and then works on it with nobody else there. */
  async function alone<T>(key: PartKey, cut: () => void, work: () => Promise<T>): Promise<T> {
    const name = nameOf(key);
    for (let other = transfers.get(name); other !== undefined; other = transfers.get(name)) {
      other.cut();
      await other.ended.catch(() => undefined);
    }
    const ended = work();
    transfers.set(name, { modelId: key.modelId, cut, ended });
    try {
      return await ended;
    } finally {
      transfers.delete(name);
    }
  }

  async function isProven(key: PartKey): Promise<boolean> {
    return blobs.sizeOf(key.digest) === key.size && (await exists(layout.proof(key.modelId, key.digest)));
  }

  async function append(key: PartKey, { offset, bytes }: Incoming): Promise<number> {
    const path = layout.part(key.modelId, key.digest);
    await mkdir(layout.uploadFolder(key.modelId), { recursive: true, mode: 0o700 });
    let at = await sizeOf(path);
    if (offset !== at) throw new HubError('offset_conflict', { offset: at });
    const file = await disk.openPart(path);
    try {
      for await (const chunk of bytes) {
        if (at + chunk.length > key.size) throw new HubError('body_too_large', { offset: at });
        await writeAll(disk, file, chunk, at);
        at += chunk.length;
      }
    } catch (error) {
      // Nobody knows how much of the last piece was written.
      await disk.truncate(file, at);
      throw isFull(error) ? new HubError('store_full', { cause: error, offset: at }) : error;
    } finally {
      await disk.sync(file).finally(() => file.close());
    }
    return at;
  }

  async function complete(key: PartKey): Promise<void> {
    const path = layout.part(key.modelId, key.digest);
    const file = await disk.openPart(path);
    try {
      if ((await digestOf(file, key.size)) !== key.digest) {
        await disk.remove(path);
        throw new HubError('digest_mismatch', { offset: 0 });
      }
      await disk.sync(file);
    } finally {
      await file.close();
    }
    // Before the blob: between the two the part is still here, and is finished again.
    const proof = await disk.openPart(layout.proof(key.modelId, key.digest));
    await proof.close();
    await blobs.put(key.digest, path, key.size);
  }

  return {
    isProven,
    get active() {
      return transfers.size;
    },
    received: (key) =>
      alone(key, ignore, async () => {
        return (await isProven(key)) ? key.size : sizeOf(layout.part(key.modelId, key.digest));
      }),
    async receive(key, incoming) {
      if (transfers.size >= limits.hubTransfersIn && !transfers.has(nameOf(key))) throw new HubError('busy');
      return alone(key, incoming.cut, async () => {
        if (await isProven(key)) {
          if (incoming.offset !== key.size) throw new HubError('offset_conflict', { offset: key.size });
          return key.size;
        }
        const at = await append(key, incoming);
        if (at === key.size) await complete(key);
        return at;
      });
    },
    finish: (key) =>
      alone(key, ignore, async () => {
        if (await isProven(key)) return true;
        if (key.size > 0 && (await sizeOf(layout.part(key.modelId, key.digest))) !== key.size) return false;
        await mkdir(layout.uploadFolder(key.modelId), { recursive: true, mode: 0o700 });
        await complete(key);
        return true;
      }),
    async keepOnly(modelId, digests) {
      const folder = layout.uploadFolder(modelId);
      if (!(await exists(folder))) return;
      for (const name of await readdir(folder)) {
        if (!digests.has(name.slice(0, 64))) await disk.remove(join(folder, name));
      }
    },
    isActive: (modelId) => [...transfers.values()].some((transfer) => transfer.modelId === modelId),
    async stop(modelId) {
      for (;;) {
        const own = [...transfers.values()].filter((transfer) => transfer.modelId === modelId);
        if (own.length === 0) return;
        for (const { cut } of own) cut();
        await Promise.allSettled(own.map(({ ended }) => ended));
      }
    },
  };
}

/** What takes no bytes from anybody ends by itself. */
function ignore(): void {}

async function sizeOf(path: string): Promise<number> {
  return (await found(path))?.size ?? 0;
}

async function exists(path: string): Promise<boolean> {
  return (await found(path)) !== undefined;
}

async function found(path: string): Promise<{ readonly size: number } | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
