import { concatBytes } from '../../wire/bytes.ts';
import { isWhole } from './download.ts';
import { HubError } from './errors.ts';
import type { ProvenRelease } from './release.ts';
import type { Looking } from './resolve.ts';
import { persistently } from './retry.ts';

/** A file of a plain release in memory: a card, or a sample. Its digest held. */
export async function smallFile(
  looking: Looking,
  { contents, facts, form }: ProvenRelease,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const file = contents.find((each) => each.path === path);
  if (file === undefined) {
    const why = form === 'encrypted' ? 'can be read only where its key is' : 'is not in the release';
    throw new HubError('argument_invalid', `${path} ${why}`);
  }
  if (file.size > maxBytes) throw new HubError('argument_invalid', `${path} has more than ${maxBytes} bytes`);
  const bytes = await persistently(looking, path, async () => {
    const answer = await looking.api.file(facts.modelId, file, 0);
    if (answer === 'from-the-start') throw new HubError('answer_invalid', `no range of ${path} was asked for`);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of answer.chunks) {
      length += chunk.length;
      if (length > file.size) throw new HubError('file_too_long', `${path} has more than its ${file.size} bytes`);
      parts.push(chunk);
    }
    if (length < file.size) throw new HubError('file_truncated', `${path} ends after ${length} bytes`);
    return concatBytes(...parts);
  });
  const pieces = (async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  })();
  if (await isWhole(looking, { size: bytes.length, chunks: pieces }, file)) return bytes;
  throw new HubError('file_mismatch', `${path} has another digest than its release says`);
}
