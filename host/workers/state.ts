import { toHex } from '../../wire/bytes.ts';
import type { WorkerFault } from '../errors.ts';
import type { LinkStatus } from '../worker-link.ts';
import type { PoolMember } from './pool.ts';

/** How it stands with one worker, for whoever chooses one or operates them. */
export type MemberState =
  | { readonly kind: 'connecting' | 'loading' | 'ready' }
  | { readonly kind: 'unusable'; readonly fault: MemberFault };

export type MemberFault = WorkerFault | 'journal_failed';

export function stateOf(status: LinkStatus): MemberState {
  switch (status.kind) {
    case 'connecting':
    case 'loading':
    case 'ready':
      return { kind: status.kind };
    case 'unusable':
      return { kind: 'unusable', fault: status.fault };
    case 'journal_failed':
      return { kind: 'unusable', fault: 'journal_failed' };
    case 'closed':
      return { kind: 'connecting' };
  }
}

/** The host's word about a worker: good for finding one to ask for evidence, and for nothing else. */
export function describeMember({ state, worker }: PoolMember): Readonly<Record<string, string>> {
  return {
    state: state.kind,
    ...(state.kind === 'unusable' ? { fault: state.fault } : {}),
    ...(worker === undefined ? {} : { log: toHex(worker.log) }),
  };
}
