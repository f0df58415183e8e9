import { fileKey, openChunk } from '../../../wire/crypto/release-cipher.ts';
import { chunkCount, encryptedSize, SEALED_CHUNK_BYTES } from '../../../wire/message/encrypted-release.ts';
import { Refusal } from '../refusal.ts';

/** Turns the bytes of one release's encrypted files into plaintext, a chunk at a time. It keeps one chunk and two keys. */
export interface ReleaseCipher {
  /** The next bytes of a file of `size` plaintext bytes; `take` is given every chunk that they complete. */
  push(file: number, size: number, sealed: Uint8Array, take: (plaintext: Uint8Array) => void): void;
  /** Forgets the keys. */
  close(): void;
}

interface OpenFile {
  readonly file: number;
  readonly key: Uint8Array;
  received: number;
  chunk: number;
  filled: number;
}

/** Takes the data key over: it is zero once the cipher is closed. */
export function createReleaseCipher(dataKey: Uint8Array, modelId: Uint8Array): ReleaseCipher {
  const buffer = new Uint8Array(SEALED_CHUNK_BYTES);
  let open: OpenFile | undefined;

  function enter(file: number): OpenFile {
    if (open?.file === file) return open;
    open?.key.fill(0);
    open = { file, key: fileKey(dataKey, modelId, file), received: 0, chunk: 0, filled: 0 };
    return open;
  }

  function finishChunk(current: OpenFile, size: number, take: (plaintext: Uint8Array) => void): void {
    const place = { modelId, file: current.file, chunk: current.chunk, final: current.chunk === chunkCount(size) - 1 };
    const plaintext = openChunk(current.key, place, buffer.subarray(0, current.filled));
    if (plaintext === undefined) {
      throw new Refusal('file_undecryptable', `chunk ${current.chunk} of file ${current.file}`);
    }
    current.chunk += 1;
    current.filled = 0;
    take(plaintext);
    plaintext.fill(0);
  }

  return {
    push(file, size, sealed, take) {
      const current = enter(file);
      if (current.received + sealed.length > encryptedSize(size)) {
        throw new Refusal('file_mismatch', `file ${file} has more bytes than its manifest says`);
      }
      current.received += sealed.length;
      const lastBytes = encryptedSize(size) - (chunkCount(size) - 1) * SEALED_CHUNK_BYTES;
      for (let at = 0; at < sealed.length; ) {
        const wanted = current.chunk === chunkCount(size) - 1 ? lastBytes : SEALED_CHUNK_BYTES;
        const part = sealed.subarray(at, at + wanted - current.filled);
        buffer.set(part, current.filled);
        current.filled += part.length;
        at += part.length;
        if (current.filled === wanted) finishChunk(current, size, take);
      }
    },
    close() {
      dataKey.fill(0);
      open?.key.fill(0);
      open = undefined;
      buffer.fill(0);
    },
  };
}
