import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DraftError } from './draft-error.ts';

/** A file as it lies in a publisher's folder. */
export interface PlainFile {
  readonly path: string;
  readonly size: number;
}

/**
 * Looks at one file under a folder. Links are refused wherever they stand on the way: what is published is what lies in
 * the folder, and not a key that a link leads to.
 */
export async function findPlainFile(directory: string, path: string, maxBytes: number): Promise<PlainFile> {
  for (const folder of foldersOf(path)) {
    const found = await lookAt(directory, folder);
    if (!found.isDirectory()) throw new DraftError('file_not_plain', `${folder} is not a plain folder`, path);
  }
  const found = await lookAt(directory, path);
  if (!found.isFile()) throw new DraftError('file_not_plain', `${path} is not a plain file`, path);
  if (found.size > maxBytes) {
    throw new DraftError('file_too_large', `${path} has ${found.size} bytes where ${maxBytes} are allowed`, path);
  }
  return { path, size: found.size };
}

/** SHA-256 of a file as it was found. It is read in pieces, so that its size costs no memory. */
export async function hashPlainFile(directory: string, file: PlainFile): Promise<Uint8Array> {
  const hash = createHash('sha256');
  await readInPieces(directory, file, (piece) => hash.update(piece));
  return new Uint8Array(hash.digest());
}

export async function readPlainFile(directory: string, file: PlainFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  await readInPieces(directory, file, (piece, at) => bytes.set(piece, at));
  return bytes;
}

const PIECE_BYTES = 1_048_576;

async function readInPieces(
  directory: string,
  { path, size }: PlainFile,
  take: (piece: Uint8Array, at: number) => void,
): Promise<void> {
  const handle = await openPlain(directory, path);
  try {
    const buffer = new Uint8Array(PIECE_BYTES);
    let at = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES);
      if (at + bytesRead > size || (bytesRead === 0 && at < size)) {
        throw new DraftError('file_changed', `${path} has not the ${size} bytes any more that it had`, path);
      }
      if (bytesRead === 0) return;
      take(buffer.subarray(0, bytesRead), at);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** A pipe that took the file's place would otherwise be waited for. */
async function openPlain(directory: string, path: string): Promise<FileHandle> {
  const handle = await open(
    join(directory, path),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  ).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new DraftError('file_not_plain', `${path} is not a plain file`, path);
}

async function lookAt(directory: string, path: string): Promise<Stats> {
  return lstat(join(directory, path)).catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

function unreadable(path: string, error: unknown): DraftError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new DraftError('file_missing', `there is no ${path}`, path);
  if (code === 'ELOOP') return new DraftError('file_not_plain', `${path} is not a plain file`, path);
  return new DraftError('file_unreadable', `${path} cannot be read: ${message}`, path);
}

function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [...foldersOf(folder), folder];
}
