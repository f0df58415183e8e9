import { toHex } from '../wire/bytes.ts';
import { encodeArchive } from '../wire/message/archive.ts';
import type { ArchiveSink } from './archive-sink.ts';
import type { Answered } from './calls.ts';
import { ClientError } from './errors.ts';

/** Everything that a stranger needs to check this answer. */
export function archiveOf(answered: Answered, bodyHash: Uint8Array): Uint8Array {
  const { bundle, held, release, request, answer, receipt } = answered;
  const { evidence, challenge } = held.session;
  return encodeArchive({
    format: 'proofmark archive v1',
    ...bundle,
    evidence,
    challenge,
    release: release.signed,
    request: { ...request, bodyHash },
    response: {
      format: answer.format,
      jsonLength: answer.jsonLength,
      bodyHash: receipt.responseBodyHash,
      body: answer.body,
    },
    anchors: [],
  });
}

export async function writeArchive(sink: ArchiveSink, answered: Answered, bodyHash: Uint8Array): Promise<void> {
  try {
    await sink({ name: `${toHex(answered.receipt.requestId)}.proofmark`, bytes: archiveOf(answered, bodyHash) });
  } catch (error) {
    throw new ClientError('archive_failed', error instanceof Error ? error.message : 'unknown');
  }
}
