/** The journal that one host keeps on one machine (DESIGN section 9: LMDB, embedded and crash-safe). */
export { logOf } from './append.ts';
export { JournalError, type JournalErrorCode } from './errors.ts';
export type { SignedHead } from './heads.ts';
export { type Journal, openJournal } from './journal.ts';
export type { Place } from './requests.ts';
export type { RetentionPolicy } from './retention.ts';
