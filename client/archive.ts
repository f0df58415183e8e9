import { toHex } from '../wire/bytes.ts';
import { encodeArchive } from '../wire/message/archive.ts';
import type { Answered } from './calls.ts';
import { ClientError } from './errors.ts';

/** Where `.proofmark` files go: called for every verified answer, and waited for before the answer is handed out. */
export type ArchiveSink = (file: ArchiveFile) => void | Promise<void>;

export interface ArchiveFile {
  /** `<requestId>.proofmark`: one file for each answer, and none is written over. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

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
