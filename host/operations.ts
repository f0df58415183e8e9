import { toHex } from '../wire/bytes.ts';
import { describeEnd } from '../wire/message/telemetry.ts';
import type { HealthSnapshot } from './health.ts';
import type { OperatorPages } from './metrics/operator.ts';
import { type PageSources, writePage } from './metrics/page.ts';
import type { WorkerPool } from './workers/pool.ts';
import { describeMember } from './workers/state.ts';

/** What the operator's address shows and does. */
export function operatorPages(
  sources: PageSources & {
    readonly workers: Pick<WorkerPool, 'members' | 'drain' | 'resume'>;
    /** Told before that worker takes work again. */
    readonly onResumed?: (index: number) => void;
  },
): OperatorPages {
  const { workers } = sources;
  return {
    metrics: () => writePage(sources),
    health: () => describeHealth(sources.health()),
    workers: () =>
      workers.members.map((member) => ({
        worker: member.index,
        ...describeMember(member),
        draining: member.draining,
        requests: member.underWay,
        models: member.models.map(toHex),
      })),
    change(named, what) {
      const found = workers.members.find(
        ({ index, worker }) => String(index) === named || (worker !== undefined && toHex(worker.log) === named),
      );
      if (found === undefined) return false;
      if (what === 'resume') sources.onResumed?.(found.index);
      workers[what](found.index);
      return true;
    },
  };
}

function describeHealth({ counters, ends }: HealthSnapshot): Readonly<Record<string, unknown>> {
  return {
    workers: [...counters].map(([worker, { at, values }]) => ({ worker, at, counters: values })),
    ends: ends.map(({ at, worker, status }) => ({ at, worker, ...describeEnd(status) })),
  };
}
