import type { EventSink } from '../errors.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import type { Journal } from '../journal/index.ts';
import type { Admission } from '../payments/admission.ts';
import type { Release } from '../releases.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { KeptAnswers } from './kept.ts';
import type { ReleaseNames } from './releases.ts';

/** What the routes work with. */
export interface AppContext {
  readonly workers: Omit<WorkerPool, 'close'>;
  readonly journal: Journal;
  /** Those that are served now: a folder that is read again changes them while the host runs. */
  readonly releases: () => readonly Release[];
  readonly names: ReleaseNames;
  readonly kept: KeptAnswers;
  readonly assemble: AssembleEvidence;
  readonly onEvent: EventSink;
  /** Absent: this host takes no payment. */
  readonly admission: Admission | undefined;
  /** Whether work is done that no channel pays for. The worker would: whom it works for is the operator's affair. */
  readonly unpaid: 'serve' | 'refuse';
}
