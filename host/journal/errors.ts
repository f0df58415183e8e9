/** Every way in which the journal refuses or fails. Codes are API: the relay decides by them. */
export type JournalErrorCode =
  | 'journal_conflict'
  | 'journal_gap'
  | 'journal_invalid'
  | 'journal_full'
  | 'journal_failed'
  | 'journal_closed'
  | 'journal_outdated'
  | 'log_unknown'
  | 'export_invalid'
  | 'policy_invalid'
  | 'receipt_unknown'
  | 'receipt_dropped'
  | 'size_unknown';

export class JournalError extends Error {
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'JournalError';
    this.code = code;
  }
}
