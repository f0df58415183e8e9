import type { VNode } from 'preact';
import { type Fleet, type FleetWorker, useFleet } from '../../fleet/use-fleet.ts';
import { Busy } from '../../parts/busy.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { Problem } from '../../parts/problem.tsx';
import { hrefOf } from '../../routes.ts';
import { WorkerDetails } from './details.tsx';

export function WorkersView({ log }: { readonly log: string | undefined }): VNode {
  const [fleet, { askAgain, refresh }] = useFleet();
  return (
    <>
      <PolicyPicker />
      <Workers fleet={fleet} log={log} askAgain={askAgain} />
      <p>
        <button type="button" onClick={refresh}>
          Ask which workers there are
        </button>
      </p>
    </>
  );
}

interface WorkersProps {
  readonly fleet: Fleet;
  readonly log: string | undefined;
  readonly askAgain: (log: string) => void;
}

function Workers({ fleet, log, askAgain }: WorkersProps): VNode {
  if (fleet.kind === 'asking') return <Busy what="asking the host which workers it has" />;
  if (fleet.kind === 'failed') {
    return <Problem title="The host does not say which workers it has." error={fleet.error} />;
  }
  const { workers } = fleet;
  const chosen = workers.find((worker) => worker.log !== undefined && (log === undefined || worker.log === log));
  return (
    <>
      {workers.length === 0 ? (
        <p>
          No worker is behind this host. <HostWord />
        </p>
      ) : null}
      {workers.length > 1 || (log !== undefined && chosen === undefined) ? (
        <WorkerList workers={workers} chosen={chosen?.log} />
      ) : null}
      {log !== undefined && chosen === undefined ? (
        <p>
          No worker of this log is here now: one that was started again has another. Its receipts stay provable.{' '}
          <HostWord />
        </p>
      ) : null}
      {chosen === undefined ? null : <Chosen worker={chosen} askAgain={askAgain} />}
    </>
  );
}

interface WorkerListProps {
  readonly workers: readonly FleetWorker[];
  readonly chosen: string | undefined;
}

function WorkerList({ workers, chosen }: WorkerListProps): VNode {
  return (
    <nav aria-label="Workers of this host" class="worker-list">
      <ul>
        {workers.map(({ log, state }, place) => (
          <li key={log ?? place}>
            {log === undefined ? (
              <span class="soft">not connected ({state})</span>
            ) : (
              <a
                href={hrefOf({ view: 'workers', log })}
                {...(log === chosen ? { 'aria-current': 'page' as const } : {})}
              >
                <code>{log.slice(0, 12)}…</code> {state}
              </a>
            )}
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface ChosenProps {
  readonly worker: FleetWorker;
  readonly askAgain: (log: string) => void;
}

function Chosen({ worker: { log, asked }, askAgain }: ChosenProps): VNode | null {
  if (log === undefined || asked === undefined) return null;
  switch (asked.kind) {
    case 'asking':
      return <Busy what={`asking worker ${log.slice(0, 16)}… for evidence, with a fresh challenge`} />;
    case 'failed':
      return (
        <>
          <Problem title={`Worker ${log.slice(0, 16)}… shows no evidence.`} error={asked.error} />
          <button type="button" onClick={() => askAgain(log)}>
            Ask again with a fresh challenge
          </button>
        </>
      );
    case 'judged':
      return <WorkerDetails log={log} judgement={asked.judgement} askAgain={() => askAgain(log)} />;
  }
}
