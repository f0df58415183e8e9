import type { VNode } from 'preact';
import { useConnection } from '../../connection/context.tsx';
import { useClock } from '../../fleet/use-clock.ts';
import type { FleetWorker } from '../../fleet/use-fleet.ts';
import { Busy } from '../../parts/busy.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { Problem } from '../../parts/problem.tsx';
import { durationWords } from '../../parts/words.ts';
import { hrefOf } from '../../routes.ts';
import { WorkerVerdict } from '../workers/worker-verdict.tsx';

export interface RunningWorkersProps {
  readonly workers: readonly FleetWorker[];
  readonly askAgain: (log: string) => void;
}

const SECOND = 1_000;

export function RunningWorkers({ workers, askAgain }: RunningWorkersProps): VNode {
  const { now } = useConnection();
  const time = useClock(now, SECOND);
  if (workers.length === 0) {
    return (
      <p>
        No worker is behind this host. <HostWord />
      </p>
    );
  }
  return (
    <section aria-label="Workers" class="running">
      {workers.map((worker, place) => (
        <RunningWorker key={worker.log ?? place} worker={worker} time={time} askAgain={askAgain} />
      ))}
    </section>
  );
}

interface RunningWorkerProps {
  readonly worker: FleetWorker;
  readonly time: number;
  readonly askAgain: (log: string) => void;
}

function RunningWorker({ worker, time, askAgain }: RunningWorkerProps): VNode {
  const { log, state, fault, models, asked } = worker;
  const said = (
    <p class="soft">
      {state}
      {fault === undefined ? '' : ` (${fault})`}, {models.length === 1 ? '1 model' : `${models.length} models`} loaded{' '}
      <HostWord />
    </p>
  );
  if (log === undefined || asked === undefined) {
    return (
      <section class="card" aria-label="A worker">
        <p>{log === undefined ? 'A worker without a connection' : `Worker ${log.slice(0, 16)}…`}</p>
        {said}
      </section>
    );
  }
  switch (asked.kind) {
    case 'asking':
      return <Busy what={`asking worker ${log.slice(0, 16)}… for evidence`} />;
    case 'failed':
      return (
        <div>
          <Problem title={`Worker ${log.slice(0, 16)}… shows no evidence.`} error={asked.error} />
          <button type="button" onClick={() => askAgain(log)}>
            Ask again
          </button>
        </div>
      );
    case 'judged': {
      const { proven } = asked.judgement;
      return (
        <WorkerVerdict log={log} judgement={asked.judgement}>
          {proven === undefined ? null : <p>{untilWords(proven.acceptedUntil - time)}</p>}
          {said}
          <p>
            <a href={hrefOf({ view: 'workers', log })}>Chain of trust, measurements, configuration</a>
          </p>
        </WorkerVerdict>
      );
    }
  }
}

function untilWords(left: number): string {
  return left > 0 ? `accepted for another ${durationWords(left)}` : 'no longer accepted: ask again';
}
