/** The journal that one host keeps on one machine (DESIGN section 9: LMDB, embedded and crash-safe). */
export { logOf } from './append.ts';
export { JournalError, type JournalErrorCode } from './errors.ts';
export {
  type Journal,
  openJournal,
  type Place,
  type SignedHead,
} from './journal.ts';
export type { RetentionPolicy } from './retention.ts';
