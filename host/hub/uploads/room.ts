import { toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import type { StoredFile } from '../../../wire/message/hub.ts';
import { HubError } from '../errors.ts';
import type { Store } from '../store/store.ts';

/** What an upload needs room for. */
export interface Wanted {
  readonly modelId: string;
  readonly owner: string;
  readonly contents: readonly StoredFile[];
}

export interface Room {
  /** Of all blobs, and of what uploads may still bring. */
  readonly storeBytes: number | 'any';
  /** Of one publisher: each blob once, in whatever releases and uploads. */
  readonly publisherBytes: number | 'any';
}

/**
 * Room is taken when an upload begins, for all that it may bring: a publisher learns at once, and not after a night's
 * transfer, that there is none.
 */
export function checkRoom(wanted: Wanted, underWay: readonly Wanted[], store: Store, room: Room): void {
  const others = underWay.filter(({ modelId }) => modelId !== wanted.modelId);
  const own = others.filter(({ owner }) => owner === wanted.owner);
  if (others.length >= limits.hubUploads || own.length >= limits.hubUploadsPerPublisher) {
    throw new HubError('too_many_uploads');
  }
  checkCounts(wanted, others, store);
  const { storeBytes, publisherBytes } = room;
  const size = sum(distinct(wanted.contents));
  if (size > atMost(storeBytes) || size > atMost(publisherBytes)) throw new HubError('too_large');
  const releases = [...store.catalogue.entries()].filter(({ owner }) => owner === wanted.owner);
  const stored = [...releases.flatMap(({ contents }) => [...contents.values()]), ...own.flatMap(contentsOf)];
  if (sum(distinct([...stored, ...wanted.contents])) > atMost(publisherBytes)) throw new HubError('quota_exceeded');
  const coming = [...others, wanted].map(({ contents }) =>
    sum(distinct(contents.filter((file) => !isHere(store, file)))),
  );
  if (store.blobs.bytes + coming.reduce((a, b) => a + b, 0) > atMost(storeBytes)) throw new HubError('store_full');
}

function checkCounts(wanted: Wanted, others: readonly Wanted[], { catalogue }: Store): void {
  if (catalogue.find(wanted.modelId) !== undefined) return;
  const files = others.reduce((count, { contents }) => count + contents.length, catalogue.files);
  if (catalogue.size + others.length >= limits.hubReleases || files + wanted.contents.length > limits.hubFiles) {
    throw new HubError('store_full');
  }
}

export function isHere({ blobs }: Store, { sha256, size }: StoredFile): boolean {
  return blobs.sizeOf(toHex(sha256)) === size;
}

/** Sizes by digest: a blob is stored, sent and counted once, however many paths have it. */
export function distinct(contents: readonly StoredFile[]): ReadonlyMap<string, number> {
  return new Map(contents.map(({ sha256, size }) => [toHex(sha256), size]));
}

function contentsOf({ contents }: Wanted): readonly StoredFile[] {
  return contents;
}

function atMost(bytes: number | 'any'): number {
  return bytes === 'any' ? Number.POSITIVE_INFINITY : bytes;
}

function sum(sizes: ReadonlyMap<string, number>): number {
  return [...sizes.values()].reduce((total, size) => total + size, 0);
}
