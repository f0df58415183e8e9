import type { ComponentChildren, VNode } from 'preact';
import type { Judgement } from '../../fleet/judge.ts';
import { Verdict } from '../../parts/verdict.tsx';
import { plainText } from '../../parts/words.ts';

export interface WorkerVerdictProps {
  readonly log: string;
  readonly judgement: Judgement;
  readonly children?: ComponentChildren;
}

/** What the evidence of one worker came to; failed checks say in a line why. */
export function WorkerVerdict({ log, judgement, children }: WorkerVerdictProps): VNode {
  const { verdict, code, meaning, report } = judgement;
  const failed = report.checks.filter(({ outcome }) => outcome === 'failed');
  return (
    <Verdict
      verdict={verdict}
      of={`worker ${log.slice(0, 16)}…`}
      code={code}
      meaning={meaning}
      level={verdict === 'accepted' ? report.level : undefined}
    >
      {code === 'no_policy' || failed.length === 0 ? null : (
        <ul class="plain">
          {failed.map(({ id, title, detail }) => (
            <li key={id}>
              <code>{id}</code> {title} <span class="soft">{plainText(detail)}</span>
            </li>
          ))}
        </ul>
      )}
      {children}
    </Verdict>
  );
}
