import { randomBytes, timingSafeEqual } from 'node:crypto';
import { equalBytes, toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { contentsPreimage, type HubRelease, type StoredFile, type Visibility } from '../../../wire/message/hub.ts';
import { decodeManifest, type Manifest } from '../../../wire/message/manifest.ts';
import type { Entry } from '../catalogue.ts';
import { HubError, type MissingBlob } from '../errors.ts';
import type { HubEventSink } from '../events.ts';
import { createSerial } from '../serial.ts';
import type { Store } from '../store/store.ts';
import { checkEnvelope, envelopeOf, type ProvenUpload } from './authorise.ts';
import { createParts, type Incoming, type PartKey } from './parts.ts';
import { checkRoom, distinct, isHere } from './room.ts';

/** Releases on their way in, from the authorised request to the moment at which everybody sees them. */
export interface Uploads {
  /** A token of null: everything is here and published, as it was authorised. */
  open(proven: ProvenUpload): Promise<{ readonly token: string | null; readonly missing: readonly MissingBlob[] }>;
  received(access: Access, digest: string): Promise<number>;
  receive(access: Access, digest: string, incoming: Incoming): Promise<number>;
  commit(access: Access): Promise<Entry>;
  /** Drops what nobody went on with, and then every blob that nothing refers to. */
  maintain(): Promise<void>;
  /** When nothing that was begun is still being written. */
  settled(): Promise<void>;
  readonly size: number;
  readonly transfers: number;
}

export interface Access {
  readonly modelId: string;
  readonly token: string | undefined;
}

export interface UploadsOptions {
  readonly store: Store;
  /** Of all blobs and of what uploads may still bring. */
  readonly storeBytes: number | 'any';
  readonly now: () => number;
  readonly onEvent: HubEventSink;
}

/** An upload that is not published yet. Its manifest is on the disk. */
interface Pending {
  readonly modelId: string;
  readonly owner: string;
  readonly namespace: string;
  readonly visibility: Visibility;
  readonly contents: readonly StoredFile[];
  /** SHA-256 of the token. */
  token: Uint8Array;
  touchedAt: number;
  /** As the disk has it. */
  keptAt: number;
}

/** How exactly the disk knows when an upload was last heard of: a hundredth of what it may be idle. */
const TOUCH_MS = limits.hubUploadIdleMilliseconds / 100;

export async function createUploads({ store, storeBytes, now, onEvent }: UploadsOptions): Promise<Uploads> {
  const { blobs, catalogue } = store;
  const parts = createParts(store);
  const serial = createSerial();
  const pending = new Map<string, Pending>();
  /** Whether there may be blobs that nothing refers to: to find them is to look at every release. */
  let isLittered = true;

  for (const { modelId, record, touchedAt } of await store.uploads()) {
    const { release, namespace, visibility, contents } = record.release;
    const upload = { modelId, owner: toHex(release.owner), namespace, visibility, contents, token: record.token };
    const published = catalogue.find(modelId);
    // Its process ended between publishing and forgetting.
    if (published !== undefined && isWhole(published)) await store.dropUpload(modelId);
    else pending.set(modelId, { ...upload, touchedAt, keptAt: touchedAt });
  }

  function isWhole(entry: Entry): boolean {
    return [...entry.contents.values()].every((file) => isHere(store, file));
  }

  /**
   * Blobs that this upload need not bring: they are public, or the same publisher's. One that is only in somebody else's
   * private release has to be sent though it is here: to name a digest is not to have the file, and publishing by digest
   * alone would make other people's private files readable.
   */
  function openTo(owner: string): ReadonlySet<string> {
    const known = new Set<string>();
    for (const entry of catalogue.entries()) {
      if (entry.visibility === 'private' && entry.owner !== owner) continue;
      for (const { sha256: digest } of entry.contents.values()) known.add(toHex(digest));
    }
    return known;
  }

  async function missingOf(upload: Pick<Pending, 'modelId' | 'owner' | 'contents'>): Promise<readonly PartKey[]> {
    const known = openTo(upload.owner);
    const missing: PartKey[] = [];
    for (const [digest, size] of distinct(upload.contents)) {
      const key = { modelId: upload.modelId, digest, size };
      if (blobs.sizeOf(digest) === size && known.has(digest)) continue;
      if (!(await parts.isProven(key))) missing.push(key);
    }
    return missing;
  }

  async function described(keys: readonly PartKey[]): Promise<readonly MissingBlob[]> {
    const all: MissingBlob[] = [];
    for (const key of keys) {
      all.push({ sha256: key.digest, size: key.size, received: await parts.received(key) });
    }
    return all;
  }

  async function begin(proven: ProvenUpload): ReturnType<Uploads['open']> {
    const { manifest, publisher, contents, visibility } = proven;
    const owner = toHex(manifest.owner);
    const modelId = toHex(proven.modelId);
    const published = catalogue.find(modelId);
    const namespace = published?.namespace ?? publisher.namespace;
    checkVersion(published, { modelId, owner, namespace, manifest, contents });
    if (published !== undefined && isWhole(published)) {
      if (published.visibility !== visibility) await show(published, visibility);
      return { token: null, missing: [] };
    }
    const room = { storeBytes, publisherBytes: publisher.bytes };
    checkRoom({ owner, modelId, contents }, [...pending.values()], store, room);
    const token = toBase64url(Uint8Array.from(randomBytes(32)));
    const upload = { modelId, owner, namespace, visibility, contents, token: sha256(utf8(token)) };
    const release: HubRelease = { namespace, release: proven.release, visibility, contents, status: null };
    await parts.stop(modelId);
    await parts.keepOnly(modelId, distinct(contents));
    isLittered = isLittered || pending.has(modelId);
    const touchedAt = now();
    await store.saveUpload(modelId, { token: upload.token, release }, touchedAt);
    pending.set(modelId, { ...upload, touchedAt, keptAt: touchedAt });
    const missing = await missingOf(upload);
    onEvent({ event: 'upload_opened', modelId, missing: missing.length });
    return { token, missing: await described(missing) };
  }

  function checkVersion(published: Entry | undefined, wanted: Version): void {
    const { modelId, owner, namespace, contents, manifest } = wanted;
    const { name, version } = manifest;
    if (catalogue.isTaken({ modelId, owner, namespace, name, version })) throw new HubError('version_taken');
    if (published === undefined) return;
    const kept = contentsPreimage([...published.contents.values()]);
    if (!equalBytes(kept, contentsPreimage(contents))) throw new HubError('version_taken');
  }

  async function show(entry: Entry, visibility: Visibility): Promise<void> {
    const release = await store.readRelease(entry);
    await store.publish({ number: entry.number, publishedAt: entry.publishedAt, release: { ...release, visibility } });
    onEvent({ event: 'visibility_set', modelId: entry.modelId, visibility });
  }

  function find({ modelId, token }: Access): Pending {
    const upload = pending.get(modelId);
    const isRight = token !== undefined && upload !== undefined && timingSafeEqual(sha256(utf8(token)), upload.token);
    if (!isRight) throw new HubError('upload_unknown');
    upload.touchedAt = now();
    return upload;
  }

  /** Not written each time: what is lost of it in a crash is less than a hundredth of the time that an upload has. */
  async function keepTouch(upload: Pending): Promise<void> {
    if (upload.touchedAt - upload.keptAt < TOUCH_MS) return;
    upload.keptAt = upload.touchedAt;
    await store.touchUpload(upload.modelId, upload.touchedAt);
  }

  async function keyOf(access: Access, digest: string): Promise<PartKey & { readonly isKnown: boolean }> {
    const upload = find(access);
    await keepTouch(upload);
    const size = distinct(upload.contents).get(digest);
    if (size === undefined) throw new HubError('file_unknown');
    // Asked last, and seldom: it looks at every release.
    const isOthers =
      blobs.sizeOf(digest) === size && !(await parts.isProven({ modelId: upload.modelId, digest, size }));
    const isKnown = isOthers && openTo(upload.owner).has(digest);
    return { modelId: upload.modelId, digest, size, isKnown };
  }

  async function publish(access: Access): Promise<Entry> {
    const upload = find(access);
    const absent: PartKey[] = [];
    for (const key of await missingOf(upload)) if (!(await parts.finish(key))) absent.push(key);
    if (absent.length > 0) throw new HubError('files_missing', { missing: await described(absent) });
    const { release } = await store.readUpload(upload.modelId);
    const manifest = decodeManifest(release.release.manifest);
    const published = catalogue.find(upload.modelId);
    // Two versions of one name may have been under way at once: the first that is whole has it.
    checkVersion(published, { ...upload, manifest });
    await readEnvelope(upload, manifest);
    const entry = await store.publish({
      number: published?.number ?? catalogue.nextNumber,
      publishedAt: published?.publishedAt ?? now(),
      release,
    });
    pending.delete(upload.modelId);
    await store.dropUpload(upload.modelId);
    const { modelId, namespace, visibility } = entry;
    onEvent(
      published === undefined
        ? { event: 'published', modelId, namespace, visibility }
        : { event: 'blob_healed', modelId },
    );
    return entry;
  }

  async function readEnvelope({ modelId, contents }: Pending, manifest: Manifest): Promise<void> {
    const envelope = envelopeOf(manifest, contents);
    if (envelope === undefined) return;
    const { file } = await blobs.open(toHex(envelope.sha256));
    try {
      checkEnvelope(Uint8Array.from(await file.readFile()), Uint8Array.from(Buffer.from(modelId, 'hex')));
    } finally {
      await file.close();
    }
  }

  async function dropIdle(): Promise<void> {
    for (const upload of [...pending.values()]) {
      if (parts.isActive(upload.modelId)) upload.touchedAt = now();
      if (now() - upload.touchedAt <= limits.hubUploadIdleMilliseconds) continue;
      pending.delete(upload.modelId);
      await parts.stop(upload.modelId);
      isLittered = true;
      await store.dropUpload(upload.modelId);
      onEvent({ event: 'upload_dropped', modelId: upload.modelId, why: 'idle' });
    }
  }

  async function sweep(): Promise<void> {
    if (!isLittered) return;
    const needed = new Set<string>();
    for (const { contents } of catalogue.entries())
      for (const file of contents.values()) needed.add(toHex(file.sha256));
    for (const { contents } of pending.values()) for (const file of contents) needed.add(toHex(file.sha256));
    const count = await blobs.sweep((digest) => needed.has(digest));
    isLittered = false;
    if (count > 0) onEvent({ event: 'swept', blobs: count });
  }

  return {
    open: (proven) => serial(() => begin(proven)),
    async received(access, digest) {
      const key = await keyOf(access, digest);
      return key.isKnown ? key.size : parts.received(key);
    },
    async receive(access, digest, incoming) {
      const key = await keyOf(access, digest);
      if (!key.isKnown) return parts.receive(key, incoming);
      if (incoming.offset === key.size) return key.size;
      throw new HubError('offset_conflict', { offset: key.size });
    },
    commit: (access) => serial(() => publish(access)),
    maintain: () =>
      serial(async () => {
        await dropIdle();
        await sweep();
      }),
    async settled() {
      for (const modelId of pending.keys()) await parts.stop(modelId);
      await serial(() => Promise.resolve());
    },
    get size() {
      return pending.size;
    },
    get transfers() {
      return parts.active;
    },
  };
}

interface Version {
  readonly modelId: string;
  readonly owner: string;
  readonly namespace: string;
  readonly manifest: Manifest;
  readonly contents: readonly StoredFile[];
}
