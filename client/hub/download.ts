import { equalBytes } from '../../wire/bytes.ts';
import type { StoredFile } from '../../wire/message/hub.ts';
import type { HubApi } from './api.ts';
import { HubError } from './errors.ts';
import type { KeptFile, PartFile } from './folder.ts';
import type { RunningHash } from './platform.ts';
import { type Persistence, persistently } from './retry.ts';

export interface Download extends Persistence {
  readonly api: HubApi;
  readonly modelId: Uint8Array;
}

/** One file into its part, from wherever that ends. It is finished when its digest holds, and not before. */
export async function download(how: Download, file: StoredFile, part: PartFile): Promise<void> {
  const { path, size } = file;
  // More than the file has is none of it.
  if (part.size > size) await part.truncate(0);
  how.onProgress({ event: 'file', path, size, bytes: part.size });
  let trusted: 'from-elsewhere' | 'all-fetched' = part.size === 0 ? 'all-fetched' : 'from-elsewhere';
  for (;;) {
    const hash = await fetched(how, file, part);
    if (equalBytes(hash.digest(), file.sha256)) return part.finish();
    await part.truncate(0);
    // What an earlier run left may have been wrong, or have changed on this disk. What this one has fetched was the hub's.
    if (trusted === 'all-fetched')
      throw new HubError('file_mismatch', `${path} has another digest than its release says`);
    trusted = 'all-fetched';
  }
}

/** The whole file is in its part then, and this is the hash over all of it as it stands there. */
async function fetched(how: Download, file: StoredFile, part: PartFile): Promise<RunningHash> {
  let hash = await hashOf(how, part);
  // The same bytes over and over are nothing new: a hub that begins again each time would be listened to for ever.
  let furthest = part.size;
  await persistently(how, file.path, async (advanced) => {
    if (part.size === file.size) return;
    const answer = await how.api.file(how.modelId, file, part.size);
    // It has no such range: what is here cannot be continued there.
    const start = answer === 'from-the-start' ? 0 : answer.start;
    if (start !== part.size) {
      await part.truncate(0);
      hash = how.platform.hash();
      how.onProgress({ event: 'bytes', path: file.path, bytes: 0 });
    }
    if (answer === 'from-the-start') throw new HubError('file_truncated', `${file.path} has no such range there`);
    const further = (): void => {
      if (part.size <= furthest) return;
      furthest = part.size;
      advanced();
    };
    await receive({ how, file, part, hash, further }, answer.chunks);
    if (part.size < file.size) throw new HubError('file_truncated', `${file.path} ends after ${part.size} bytes`);
  });
  return hash;
}

interface Receiving {
  readonly how: Download;
  readonly file: StoredFile;
  readonly part: PartFile;
  readonly hash: RunningHash;
  readonly further: () => void;
}

async function receive(
  { how, file, part, hash, further }: Receiving,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { path, size } = file;
  for await (const chunk of chunks) {
    if (part.size + chunk.length > size) {
      // Leaving the loop ends the connection: an endless answer fills no disk.
      throw new HubError('file_too_long', `${path} has more than its ${size} bytes`);
    }
    await part.append(chunk);
    hash.update(chunk);
    further();
    how.onProgress({ event: 'bytes', path, bytes: part.size });
  }
}

async function hashOf({ platform, signal }: Download, part: PartFile): Promise<RunningHash> {
  const hash = platform.hash();
  for await (const chunk of part.chunks()) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash;
}

/** Whether a file that is there already is the one that is meant. */
export async function isWhole({ platform, signal }: Persistence, kept: KeptFile, meant: StoredFile): Promise<boolean> {
  if (kept.size !== meant.size) return false;
  const hash = platform.hash();
  for await (const chunk of kept.chunks) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return equalBytes(hash.digest(), meant.sha256);
}
