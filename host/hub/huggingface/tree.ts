import { createHash } from 'node:crypto';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import type { StoredFile } from '../../../wire/message/hub.ts';
import type { Entry } from '../catalogue.ts';
import { commitOf } from './repository.ts';

export interface Lfs {
  /** SHA-256 of the file, in hex: what a library that checks anything checks. */
  readonly oid: string;
  readonly size: number;
  readonly pointerSize: number;
}

/** Every file is shown as one of Git LFS, whose digest is that of its bytes; Git's own is of more than them. */
export function lfsOf(file: StoredFile): Lfs {
  return { oid: toHex(file.sha256), size: file.size, pointerSize: pointerOf(file).length };
}

/** What Git would call the pointer. SHA-1 decides nothing here: it is a name in the form that libraries expect. */
export function blobId(file: StoredFile): string {
  return gitId('blob', pointerOf(file));
}

function pointerOf({ sha256, size }: StoredFile): Uint8Array {
  return utf8(`version https://git-lfs.github.com/spec/v1\noid sha256:${toHex(sha256)}\nsize ${size}\n`);
}

function gitId(kind: 'blob' | 'tree', content: Uint8Array): string {
  return createHash('sha1').update(`${kind} ${content.length}\0`).update(content).digest('hex');
}

/** Files and folders below a folder, in the order of their paths. Undefined where there is no such folder. */
export function listTree(
  { contents }: Entry,
  folder: string,
  depth: 'all' | 'one',
): readonly (StoredFile | string)[] | undefined {
  const prefix = folder === '' ? '' : `${folder}/`;
  const found = new Map<string, StoredFile | string>();
  for (const file of contents.values()) {
    if (!file.path.startsWith(prefix)) continue;
    const names = file.path.slice(prefix.length).split('/');
    const folders = names.slice(0, -1).map((_, index) => prefix + names.slice(0, index + 1).join('/'));
    for (const path of depth === 'all' ? folders : folders.slice(0, 1)) found.set(path, path);
    if (depth === 'all' || names.length === 1) found.set(file.path, file);
  }
  if (found.size === 0 && folder !== '') return undefined;
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

/** A file, or a folder by its path. */
export function findInTree({ contents }: Entry, path: string): StoredFile | string | undefined {
  const isFolder = [...contents.keys()].some((other) => other.startsWith(`${path}/`));
  return contents.get(path) ?? (isFolder && path !== '' ? path : undefined);
}

export function treeEntry(entry: Entry, found: StoredFile | string, detail: 'expanded' | 'short'): JsonValue {
  const more = detail === 'expanded' ? { lastCommit: lastCommitOf(entry) } : {};
  if (typeof found === 'string') {
    return { type: 'directory', oid: gitId('tree', utf8(`${entry.modelId}/${found}`)), size: 0, path: found, ...more };
  }
  return { type: 'file', oid: blobId(found), size: found.size, path: found.path, lfs: { ...lfsOf(found) }, ...more };
}

export function lastCommitOf(entry: Entry): JsonValue {
  return { id: commitOf(entry), title: entry.version, date: new Date(entry.publishedAt).toISOString() };
}
