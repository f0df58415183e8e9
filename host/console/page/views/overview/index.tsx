import type { VNode } from 'preact';
import { useFleet } from '../../fleet/use-fleet.ts';
import { Busy } from '../../parts/busy.tsx';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Figures } from './figures.tsx';
import { ServedModels } from './models.tsx';
import { RunningWorkers } from './workers.tsx';

export function OverviewView(): VNode {
  const [fleet, { askAgain }] = useFleet();
  return (
    <>
      <PolicyPicker />
      {fleet.kind === 'asking' ? <Busy what="asking the host which workers it has" /> : null}
      {fleet.kind === 'failed' ? (
        <Problem title="The host does not say which workers it has." error={fleet.error} />
      ) : null}
      {fleet.kind === 'known' ? <RunningWorkers workers={fleet.workers} askAgain={askAgain} /> : null}
      <Figures workers={fleet.kind === 'known' ? fleet.workers : []} />
      <ServedModels />
    </>
  );
}
