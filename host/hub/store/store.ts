import { constants } from 'node:fs';
import { open, readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import {
  decodeSignedStatus,
  encodeSignedStatus,
  type HubRelease,
  type SignedStatus,
} from '../../../wire/message/hub.ts';
import { decodeManifest, type Manifest } from '../../../wire/message/manifest.ts';
import { type Catalogue, createCatalogue, type Entry, entryOf } from '../catalogue.ts';
import { HubError, HubStartError } from '../errors.ts';
import type { HubEventSink } from '../events.ts';
import { type Blobs, openBlobs } from './blobs.ts';
import { type Disk, writeDurably } from './disk.ts';
import { DIGEST, type Layout, openLayout } from './layout.ts';
import { lockStore } from './lock.ts';
import {
  decodeReleaseRecord,
  decodeUploadRecord,
  encodeReleaseRecord,
  encodeUploadRecord,
  modelIdOfRecord,
  type ReleaseRecord,
  recordName,
  type UploadRecord,
} from './records.ts';

/** All that a hub keeps. Whatever is told to somebody as done is on the disk before. */
export interface Store {
  readonly layout: Layout;
  readonly disk: Disk;
  readonly blobs: Blobs;
  readonly catalogue: Catalogue;
  /** A release as it travels, read from the disk. */
  readRelease(entry: Entry): Promise<HubRelease>;
  publish(record: ReleaseRecord): Promise<Entry>;
  setStatus(entry: Entry, status: SignedStatus): Promise<void>;
  /** Uploads that were left when the store was closed or its process ended. */
  uploads(): Promise<readonly KeptUpload[]>;
  readUpload(modelId: string): Promise<UploadRecord>;
  saveUpload(modelId: string, record: UploadRecord, touchedAt: number): Promise<void>;
  /** Remembers when an upload was last heard of; lost in a power cut, and then it is older. */
  touchUpload(modelId: string, touchedAt: number): Promise<void>;
  /** The record first: parts without one are of no upload. */
  dropUpload(modelId: string): Promise<void>;
  close(): Promise<void>;
}

export interface KeptUpload {
  readonly modelId: string;
  readonly record: UploadRecord;
  readonly touchedAt: number;
}

export interface StoreOptions {
  readonly root: string;
  readonly disk: Disk;
  readonly onEvent: HubEventSink;
}

export async function openStore({ root, disk, onEvent }: StoreOptions): Promise<Store> {
  const layout = await openLayout(root, disk);
  const unlock = await lockStore(root);
  try {
    for (const folder of [layout.releases, layout.statuses, layout.uploads]) await removeUnfinished(folder, disk);
    const blobs = await openBlobs(layout, disk);
    const catalogue = createCatalogue();
    for (const entry of await readReleases(layout)) catalogue.set(entry);
    await checkSizes(catalogue, blobs, onEvent);
    return storeOf({ layout, disk, blobs, catalogue, onEvent, unlock });
  } catch (error) {
    await unlock();
    throw error;
  }
}

interface Opened {
  readonly layout: Layout;
  readonly disk: Disk;
  readonly blobs: Blobs;
  readonly catalogue: Catalogue;
  readonly onEvent: HubEventSink;
  readonly unlock: () => Promise<void>;
}

function storeOf({ layout, disk, blobs, catalogue, onEvent, unlock }: Opened): Store {
  const recordPath = (folder: string, modelId: string): string => join(folder, recordName(modelId));

  async function dropUpload(modelId: string): Promise<void> {
    await disk.remove(recordPath(layout.uploads, modelId));
    await disk.syncFolder(layout.uploads);
    await disk.remove(layout.uploadFolder(modelId));
  }

  return {
    layout,
    disk,
    blobs,
    catalogue,
    async readRelease({ modelId, status }) {
      const { release } = decodeReleaseRecord(await readRecord(recordPath(layout.releases, modelId)));
      return { ...release, status };
    },
    async publish(record) {
      const { release, number, publishedAt } = record;
      const modelId = sha256(release.release.manifest);
      const status = catalogue.find(toHex(modelId))?.status ?? null;
      const manifest = decodeManifest(release.release.manifest);
      await writeDurably(disk, layout.releases, recordName(toHex(modelId)), encodeReleaseRecord(record));
      const { namespace, visibility, contents } = release;
      const entry = entryOf({ number, publishedAt, modelId, manifest, namespace, visibility, contents, status });
      catalogue.set(entry);
      return entry;
    },
    async setStatus(entry, status) {
      await writeDurably(disk, layout.statuses, recordName(entry.modelId), encodeSignedStatus(status));
      catalogue.set({ ...(catalogue.find(entry.modelId) ?? entry), status });
    },
    async uploads() {
      const kept: KeptUpload[] = [];
      for (const name of await readdir(layout.uploads)) {
        const path = join(layout.uploads, name);
        const modelId = toHex(modelIdOfRecord(name));
        try {
          kept.push({
            modelId,
            record: decodeUploadRecord(await readRecord(path)),
            touchedAt: Math.round((await stat(path)).mtimeMs),
          });
        } catch {
          // Nothing was promised of it but that it may be continued.
          onEvent({ event: 'upload_dropped', modelId, why: 'unreadable' });
          await dropUpload(modelId);
        }
      }
      const known = new Set(kept.map(({ modelId }) => modelId));
      for (const name of await readdir(layout.parts)) {
        if (DIGEST.test(name) && !known.has(name)) await disk.remove(layout.uploadFolder(name));
      }
      return kept;
    },
    async readUpload(modelId) {
      return decodeUploadRecord(await readRecord(recordPath(layout.uploads, modelId)));
    },
    async saveUpload(modelId, record, touchedAt) {
      await writeDurably(disk, layout.uploads, recordName(modelId), encodeUploadRecord(record));
      await touch(recordPath(layout.uploads, modelId), touchedAt);
    },
    touchUpload: (modelId, touchedAt) => touch(recordPath(layout.uploads, modelId), touchedAt),
    dropUpload,
    close: unlock,
  };
}

/** Records are a few megabytes at most; what is longer, or a link, is none of this hub's. */
async function readRecord(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > limits.hubRecordBytes) throw new HubError('internal');
    return Uint8Array.from(await file.readFile());
  } finally {
    await file.close();
  }
}

async function removeUnfinished(folder: string, disk: Disk): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith('.new')) await disk.remove(join(folder, name));
  }
}

/**
 * A record that cannot be read stops the hub: without it, its version would be free for another release, and a status that
 * took it back would be forgotten.
 */
async function readReleases(layout: Layout): Promise<readonly Entry[]> {
  const statuses = new Map<string, SignedStatus>();
  for (const name of await readdir(layout.statuses)) {
    const path = join(layout.statuses, name);
    const [modelId, status] = await parsed(path, async () => {
      const found = decodeSignedStatus(await readRecord(path));
      requireSame(modelIdOfRecord(name), found.modelId);
      return [toHex(found.modelId), found] as const;
    });
    statuses.set(modelId, status);
  }
  const entries: Entry[] = [];
  for (const name of await readdir(layout.releases)) {
    const path = join(layout.releases, name);
    entries.push(
      await parsed(path, async () => {
        const { number, publishedAt, release } = decodeReleaseRecord(await readRecord(path));
        const { namespace, visibility, contents } = release;
        const modelId = sha256(release.release.manifest);
        requireSame(modelIdOfRecord(name), modelId);
        const manifest: Manifest = decodeManifest(release.release.manifest);
        const status = statuses.get(toHex(modelId)) ?? null;
        statuses.delete(toHex(modelId));
        return entryOf({ number, publishedAt, modelId, manifest, namespace, visibility, contents, status });
      }),
    );
  }
  const [orphan] = statuses.keys();
  if (orphan !== undefined) throw new HubStartError('store_damaged', `${orphan} has a status and no release`);
  return entries;
}

async function parsed<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new HubStartError('store_damaged', `${path}: ${(cause as Error).message}`, { cause });
  }
}

function requireSame(named: Uint8Array, found: Uint8Array): void {
  if (!equalBytes(named, found)) throw new HubStartError('store_damaged', 'it stands under another name');
}

async function touch(path: string, time: number): Promise<void> {
  await utimes(path, time / 1_000, time / 1_000);
}

async function checkSizes(catalogue: Catalogue, blobs: Blobs, onEvent: HubEventSink): Promise<void> {
  for (const { contents } of catalogue.entries()) {
    for (const { size, sha256: digest } of contents.values()) {
      const found = blobs.sizeOf(toHex(digest));
      if (found === size) continue;
      onEvent({ event: 'blob_damaged', sha256: toHex(digest), found: found === undefined ? 'missing' : 'size' });
      await blobs.quarantine(toHex(digest));
    }
  }
}
