import { readFile } from 'node:fs/promises';
import { concatBytes, toHex, utf8 } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeSignedStatus, encodeSignedStatus, type SignedStatus } from '../../wire/message/hub.ts';
import type { StatusStore } from '../statuses.ts';
import { replaceFile } from './replace-file.ts';

/** One file, a status on each line, replaced as a whole: after a crash at any moment it is the old one or the new one. */
export function statusFile(path: string): StatusStore {
  const kept = new Map<string, SignedStatus>();
  let saving: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const lines = [...kept.values()].flatMap((status) => [encodeSignedStatus(status), utf8('\n')]);
    await replaceFile(path, concatBytes(...lines));
  }

  return {
    async load() {
      for (const status of decode(await readIfThere(path))) kept.set(toHex(status.modelId), status);
      return [...kept.values()];
    },
    save(status) {
      const key = toHex(status.modelId);
      if (!kept.has(key) && kept.size >= limits.configurationModels) return Promise.reject(full());
      kept.set(key, status);
      const mine = saving.then(write);
      saving = mine.catch(() => undefined);
      return mine;
    },
  };
}

function full(): WireError {
  return new WireError('too_large', `statuses of more than ${limits.configurationModels} releases`);
}

/** A file that cannot be read is an error and no empty store: what was withdrawn before would be forgotten. */
function decode(bytes: Uint8Array): readonly SignedStatus[] {
  if (bytes.length === 0) return [];
  if (bytes.length > limits.configurationModels * limits.signedStatusBytes) throw full();
  const lines = new TextDecoder('utf-8', { fatal: true }).decode(bytes).split('\n');
  if (lines.pop() !== '') throw new WireError('truncated', 'the last line does not end');
  return lines.map((line) => decodeSignedStatus(utf8(line)));
}

async function readIfThere(path: string): Promise<Uint8Array> {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array(0);
    throw error;
  }
}
