import { WireError } from '../wire/errors.ts';
import { LinkError, WorkerRefusedError } from './errors.ts';
import { JournalError } from './journal/index.ts';
import { KeyError } from './kms.ts';

/** Why a release did not come to a worker, in one word. */
export function refusalOf(error: unknown): string {
  if (error instanceof WorkerRefusedError) return error.refusal;
  return error instanceof KeyError ? error.code : 'file_unreadable';
}

/** What a worker sent is read here: what cannot be read breaks the protocol. */
export function parsed<T>(decode: (payload: Uint8Array) => T, payload: Uint8Array): T {
  try {
    return decode(payload);
  } catch (error) {
    if (error instanceof WireError) throw new LinkError('worker_protocol', error.code, { cause: error });
    throw error;
  }
}

export function asLinkError(error: unknown): LinkError {
  if (error instanceof LinkError) return error;
  if (error instanceof JournalError) return new LinkError('journal_unavailable', error.code, { cause: error });
  if (error instanceof WireError) return new LinkError('worker_protocol', error.code, { cause: error });
  throw error;
}

/** Why nobody can be asked. */
export function unavailable(status: { readonly kind: string; readonly fault?: string }): LinkError {
  if (status.kind === 'journal_failed') return new LinkError('journal_unavailable', 'the journal cannot be written');
  if (status.kind === 'closed') return new LinkError('link_closed', 'the host is stopping');
  return new LinkError('worker_unreachable', status.fault ?? 'no worker is connected');
}
