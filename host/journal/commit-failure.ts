import { statfsSync } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import { JournalError } from './errors.ts';

/** How long a failing commit may take to say why. */
const REASON_MILLISECONDS = 1_000;
const EIO = 5;
const EFBIG = 27;
const ENOSPC = 28;
const EDQUOT = 122;
const MDB_MAP_FULL = -30_792;

/** The rejected promise of a commit only points at another one, which knows the reason. */
export async function commitFailure(error: unknown, directory: string): Promise<JournalError> {
  const reason = (error as { readonly commitError?: Promise<never> }).commitError ?? Promise.reject(error);
  const cause: unknown = await Promise.race([reason, later(REASON_MILLISECONDS, undefined, { ref: false })]).catch(
    (known: unknown) => known,
  );
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  return isFull(code, directory)
    ? new JournalError('journal_full', 'no space for the journal', { cause })
    : new JournalError('journal_failed', 'the journal could not be written', { cause });
}

/** Rows cost more than their bytes: keys, tree pages, and copies of the path to each changed page. */
export const COMMIT_BYTES: number = 64 * 4_096;

function isFull(code: unknown, directory: string): boolean {
  if (code === ENOSPC || code === EFBIG || code === EDQUOT || code === MDB_MAP_FULL) return true;
  if (code !== EIO) return false;
  // The last write that fits in part is reported as an input/output error.
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < COMMIT_BYTES;
}
