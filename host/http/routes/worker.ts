import type { AppContext } from '../../app.ts';
import { LinkError } from '../../errors.ts';
import type { ReadyWorker } from '../../worker-link.ts';

/** The worker that requests go to now; the link's own error says why there is none. */
export function currentWorker({ link }: AppContext): ReadyWorker {
  if (link.status.kind === 'ready' || link.status.kind === 'loading') return link.status.worker;
  throw new LinkError(
    link.status.kind === 'journal_failed' ? 'journal_unavailable' : 'worker_unreachable',
    'no usable worker',
  );
}
