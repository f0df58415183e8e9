import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Fact, FactGroup } from '../../../../../client/audit/index.ts';
import { phasesOf } from '../../../../../client/audit/phases.ts';
import { standingWords, valueLines } from '../../../../../client/audit/words.ts';
import { usePolicy } from '../../connection/context.tsx';
import type { Judgement } from '../../fleet/judge.ts';
import { Card } from '../../parts/card.tsx';
import { CheckList } from '../../parts/check-list.tsx';
import { FactList, type ShownFact } from '../../parts/fact-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { plainText, timeWords } from '../../parts/words.ts';
import { Chain } from './chain.tsx';
import { lifetimesOf } from './lifetimes.ts';
import { Lifetimes } from './lifetimes.tsx';
import { measurementRows } from './measurements.ts';
import { Measurements } from './measurements.tsx';
import { WorkerVerdict } from './worker-verdict.tsx';

export interface WorkerDetailsProps {
  readonly log: string;
  readonly judgement: Judgement;
  readonly askAgain: () => void;
}

export function WorkerDetails({ log, judgement, askAgain }: WorkerDetailsProps): VNode {
  const { report, evidence, proven, challenge, askedAt } = judgement;
  const policyState = usePolicy();
  const policy = policyState.kind === 'chosen' ? policyState.policy : undefined;
  const rows = useMemo(() => measurementRows(evidence, policy), [evidence, policy]);
  const lifetimes = useMemo(() => lifetimesOf(report, proven, policy), [report, proven, policy]);
  return (
    <>
      <WorkerVerdict log={log} judgement={judgement}>
        <p>
          Asked {timeWords(askedAt)} with the challenge <Hex value={challenge} name="challenge" />{' '}
          <button type="button" onClick={askAgain}>
            Ask again with a fresh challenge
          </button>
        </p>
      </WorkerVerdict>
      <Card title="Chain of trust">
        <p class="soft">Read from the top: each link holds only if the one above it does.</p>
        <Chain links={report.trust} checks={report.checks} />
      </Card>
      <Card
        title="Measurements"
        aside={<span class="soft">what the hardware measured, beside what the policy takes</span>}
      >
        <Measurements rows={rows} />
      </Card>
      <Card title="What ends when">
        <Lifetimes lifetimes={lifetimes} />
      </Card>
      {report.notProven.length === 0 ? null : (
        <Card title="What this does not prove">
          <ul class="plain rows">
            {report.notProven.map(({ id, reason }) => (
              <li key={id}>{plainText(reason)}</li>
            ))}
          </ul>
        </Card>
      )}
      {report.groups.map((group) => (
        <Group key={group.key} group={group} />
      ))}
      <Card title="Every check, in the order in which they ran">
        <details>
          <summary>{report.checks.length} checks</summary>
          {phasesOf(report.checks).map(({ title, checks }, place) => (
            <CheckList key={`${place} ${title}`} title={title} checks={checks} />
          ))}
        </details>
      </Card>
    </>
  );
}

function Group({ group: { title, standing, facts } }: { readonly group: FactGroup }): VNode {
  return (
    <Card title={title} aside={<span class={`tag ${standing}`}>{standingWords[standing]}</span>}>
      <FactList facts={facts.map(shown)} />
    </Card>
  );
}

/** Digests and keys get a button that copies them. */
function shown({ label, value }: Fact): ShownFact {
  const lines = valueLines(value);
  const drawn = lines.map((line) =>
    /^[0-9a-f]{40,}$/.test(line) ? (
      <div key={line}>
        <Hex value={line} name={label} size="full" />
      </div>
    ) : (
      <div key={line}>{line}</div>
    ),
  );
  return { label, value: drawn };
}
