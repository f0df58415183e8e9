import { constants, type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PartFile } from '../../hub/folder.ts';
import { onDisk } from './failures.ts';

const CHUNK_BYTES = 1_048_576;

export async function openPart(partPath: string, finalPath: string): Promise<PartFile> {
  return onDisk(async () => {
    await mkdir(dirname(partPath), { recursive: true });
    const handle = await open(partPath, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
    return partFile(handle, (await handle.stat()).size, async () => {
      await mkdir(dirname(finalPath), { recursive: true });
      await rename(partPath, finalPath);
    });
  });
}

function partFile(handle: FileHandle, found: number, moveIntoPlace: () => Promise<void>): PartFile {
  let size = found;
  return {
    get size() {
      return size;
    },
    chunks: () => chunksOf(handle),
    truncate: (to) =>
      onDisk(async () => {
        await handle.truncate(to);
        size = to;
      }),
    append: (bytes) =>
      onDisk(async () => {
        for (let written = 0; written < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, size);
          written += bytesWritten;
          size += bytesWritten;
        }
      }),
    finish: () =>
      onDisk(async () => {
        await handle.sync();
        await moveIntoPlace();
      }),
    close: () => handle.close(),
  };
}

/** From the beginning on, wherever the handle stands. */
export async function* chunksOf(handle: FileHandle, from = 0): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let position = from; ; ) {
    const { bytesRead } = await onDisk(() => handle.read(buffer, 0, buffer.length, position));
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.slice(0, bytesRead);
  }
}

/** The same of a file that is opened when it is read, and closed whenever that ends. */
export async function* chunksAt(path: string): AsyncGenerator<Uint8Array> {
  const handle = await onDisk(() => open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  try {
    yield* chunksOf(handle);
  } finally {
    await handle.close();
  }
}
