import { toHex } from '../../wire/bytes.ts';
import type { Suspension, WorkerFault } from '../errors.ts';

/** How it stands with one worker, for whoever chooses one or operates them. */
export type MemberState =
  | { readonly kind: 'connecting' | 'loading' | 'ready' | 'draining' }
  | { readonly kind: 'unusable'; readonly fault: MemberFault };

/** The first ones stay until worker or configuration is another; a suspension ends by itself. */
export type MemberFault = WorkerFault | 'journal_failed' | Suspension;

export const memberStates: readonly MemberState['kind'][] = ['connecting', 'loading', 'ready', 'draining', 'unusable'];

export interface DescribedMember {
  readonly state: MemberState;
  readonly worker: { readonly log: Uint8Array } | undefined;
}

/** The host's word about a worker: good for finding one to ask for evidence, and for nothing else. */
export function describeMember({ state, worker }: DescribedMember): Readonly<Record<string, string>> {
  return {
    state: state.kind,
    ...(state.kind === 'unusable' ? { fault: state.fault } : {}),
    ...(worker === undefined ? {} : { log: toHex(worker.log) }),
  };
}
