import { LinkError } from '../errors.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import type { Journal } from '../journal/index.ts';
import type { Admission } from '../payments/admission.ts';
import type { Release } from '../releases.ts';
import type { ReadyWorker, WorkerLink } from '../worker-link.ts';
import type { Budget } from './body.ts';

/** What the routes work with. */
export interface AppContext {
  readonly link: Omit<WorkerLink, 'close'>;
  readonly journal: Journal;
  readonly releases: readonly Release[];
  readonly budget: Budget;
  readonly assemble: AssembleEvidence;
  /** Absent: this host takes no payment. */
  readonly admission: Admission | undefined;
  /** Whether work is done that no channel pays for. The worker would: whom it works for is the operator's affair. */
  readonly unpaid: 'serve' | 'refuse';
}

/** The worker that requests go to now; the link's own error says why there is none. */
export function currentWorker({ link }: AppContext): ReadyWorker {
  if (link.status.kind === 'ready' || link.status.kind === 'loading') return link.status.worker;
  throw new LinkError(
    link.status.kind === 'journal_failed' ? 'journal_unavailable' : 'worker_unreachable',
    'no usable worker',
  );
}
