/** The journal that one host keeps on one machine (DESIGN section 9: LMDB, embedded and crash-safe). */
export { JournalError, type JournalErrorCode } from './errors.ts';
export {
  type Journal,
  logOf,
  openJournal,
  type Place,
  type SignedHead,
} from './journal.ts';
