import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { toHex } from '../../wire/bytes.ts';
import { ImageBuildError } from './build-error.ts';

export interface HashedFile {
  readonly bytes: Uint8Array;
  readonly sha256: Uint8Array;
}

/**
 * Reads a file that becomes part of an image. A link, a folder, a device or a pipe in its place is refused: a path that
 * can be pointed elsewhere names nothing in particular.
 */
export async function readPart(
  path: string,
  options: { readonly name: string; readonly maxBytes: number },
): Promise<HashedFile> {
  const { name, maxBytes } = options;
  const file = await openPart(path, name);
  try {
    const { size } = await requireRegular(file, { name, path });
    if (size > maxBytes) throw refused(name, `${size} bytes where ${maxBytes} are allowed`);
    const bytes = new Uint8Array(await file.readFile());
    return { bytes, sha256: sha256(bytes) };
  } finally {
    await file.close();
  }
}

/** The digest of a file of any size, read in pieces. */
export async function hashFile(
  path: string,
  options: { readonly name: string; readonly algorithm: 'sha256' | 'sha512' },
): Promise<Uint8Array> {
  const file = await openPart(path, options.name);
  try {
    await requireRegular(file, { name: options.name, path });
    const hash = createHash(options.algorithm);
    for await (const piece of file.createReadStream({ autoClose: false })) hash.update(piece as Uint8Array);
    return new Uint8Array(hash.digest());
  } finally {
    await file.close();
  }
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

export function changed(name: string, expected: Uint8Array, found: Uint8Array): ImageBuildError {
  return new ImageBuildError('input_changed', `${name} has the digest ${toHex(found)}; ${toHex(expected)} is pinned`);
}

async function openPart(path: string, name: string): Promise<FileHandle> {
  try {
    // Not waiting for a writer, should it be a pipe.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw refused(name, `${path} is a link`);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new ImageBuildError('input_missing', `${name}: no file ${path}`);
    throw refused(name, (error as Error).message);
  }
}

async function requireRegular(
  file: FileHandle,
  { name, path }: { readonly name: string; readonly path: string },
): Promise<{ readonly size: number }> {
  const stat = await file.stat();
  if (!stat.isFile()) throw refused(name, `${path} is no regular file`);
  return stat;
}

function refused(name: string, detail: string): ImageBuildError {
  return new ImageBuildError('input_refused', `${name}: ${detail}`);
}
