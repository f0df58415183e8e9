import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HubStartError } from '../errors.ts';
import type { Disk } from './disk.ts';

/**
 * Where a hub keeps what. Every name under these folders is a digest in hex, or starts with one: nothing that a release
 * calls its files, and nothing of a request, ever becomes a path.
 */
export interface Layout {
  readonly root: string;
  readonly releases: string;
  readonly statuses: string;
  readonly uploads: string;
  readonly parts: string;
  readonly quarantine: string;
  /** The folder of a blob and its name in it. */
  blobFolder(digest: string): string;
  blob(digest: string): string;
  /** What has arrived of one blob of one upload. */
  part(modelId: string, digest: string): string;
  /** Says that this upload brought the whole blob. */
  proof(modelId: string, digest: string): string;
  uploadFolder(modelId: string): string;
}

export const DIGEST: RegExp = /^[0-9a-f]{64}$/;

/** Makes what is missing; refuses a folder that is a link, since what it leads to is not the operator's word. */
export async function openLayout(root: string, disk: Disk): Promise<Layout> {
  const blobs = join(root, 'blobs');
  const folders = ['releases', 'statuses', 'uploads', 'parts', 'quarantine'].map((name) => join(root, name));
  const [releases, statuses, uploads, parts, quarantine] = folders as [string, string, string, string, string];
  const prefixes = Array.from({ length: 256 }, (_, byte) => join(blobs, byte.toString(16).padStart(2, '0')));
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    for (const folder of [blobs, ...folders, ...prefixes]) ownFolder(folder);
  } catch (cause) {
    if (cause instanceof HubStartError) throw cause;
    throw new HubStartError('store_invalid', `cannot use ${root}: ${(cause as Error).message}`, { cause });
  }
  for (const folder of [blobs, root]) await disk.syncFolder(folder);
  return {
    root,
    releases,
    statuses,
    uploads,
    parts,
    quarantine,
    blobFolder: (digest) => join(blobs, checked(digest).slice(0, 2)),
    blob: (digest) => join(blobs, checked(digest).slice(0, 2), digest),
    part: (modelId, digest) => join(parts, checked(modelId), checked(digest)),
    proof: (modelId, digest) => join(parts, checked(modelId), `${checked(digest)}.whole`),
    uploadFolder: (modelId) => join(parts, checked(modelId)),
  };
}

function ownFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (!lstatSync(path).isDirectory()) throw new HubStartError('store_invalid', `${path} is a link`);
}

/** The last gate before the file system: whoever got here with anything else has a bug that must not become a path. */
function checked(digest: string): string {
  if (!DIGEST.test(digest)) throw new TypeError('not a digest');
  return digest;
}
