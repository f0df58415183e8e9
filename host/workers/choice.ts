import { equalBytes, toHex } from '../../wire/bytes.ts';
import { LinkError } from '../errors.ts';
import type { Member } from './member.ts';

/** Which worker is asked. */
export interface Choice {
  /** The members that may do it: the one that is named, or all, less those that were lost before they were asked. */
  candidates(log: Uint8Array | undefined, tried: ReadonlySet<Member>): readonly Member[];
  /** The one with the least to do, from those that have the model where any has it. Throws `busy` where all have enough. */
  least(among: readonly Member[], model: string | undefined): Member;
  /** Whether or not it takes work. */
  withLog(log: Uint8Array): Member | undefined;
  /** The same; throws `worker_unknown`. */
  directed(log: Uint8Array): Member;
  /** Why nobody can be asked. */
  nobody(): LinkError;
}

export interface ChoiceOptions {
  readonly members: () => readonly Member[];
  readonly isAt: (member: Member, model: string) => boolean;
  /** Requests under way at one worker. */
  readonly perWorker: number;
}

export function createChoice({ members, isAt, perWorker }: ChoiceOptions): Choice {
  /** Where the next search begins, so that workers with nothing to do take turns. */
  let turn = 0;

  function withLog(log: Uint8Array): Member | undefined {
    return members().find(({ worker }) => worker !== undefined && equalBytes(worker.log, log));
  }

  function directed(log: Uint8Array): Member {
    const found = withLog(log);
    if (found === undefined) throw new LinkError('worker_unknown', toHex(log));
    return found;
  }

  function nobody(): LinkError {
    const kinds = new Set(members().map(({ link }) => link.status.kind));
    if (kinds.has('journal_failed')) return new LinkError('journal_unavailable', 'the journal cannot be written');
    if (kinds.size === 1 && kinds.has('closed')) return new LinkError('link_closed', 'the host is stopping');
    return new LinkError('worker_unreachable', 'no usable worker');
  }

  return {
    candidates(log, tried) {
      const named = log === undefined ? members() : [directed(log)];
      return named.filter((member) => member.usable !== undefined && !tried.has(member));
    },
    least(among, model) {
      if (among.length === 0) throw nobody();
      const having = model === undefined ? among : among.filter((member) => isAt(member, model));
      // Where none has it and none is to have it, a worker says so itself, and with a receipt.
      const able = having.length > 0 ? having : among;
      const open = able.filter(({ underWay }) => underWay < perWorker);
      const count = members().length;
      const distance = ({ index }: Member): number => (index - turn + count) % count;
      const best = open.reduce<Member | undefined>((least, member) => {
        if (least === undefined || member.underWay < least.underWay) return member;
        return member.underWay === least.underWay && distance(member) < distance(least) ? member : least;
      }, undefined);
      if (best === undefined) throw new LinkError('busy', 'every worker that could do it has enough to do');
      turn = (best.index + 1) % count;
      return best;
    },
    withLog,
    directed,
    nobody,
  };
}
