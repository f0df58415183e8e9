import type { VNode } from 'preact';
import type { Check, CheckOutcome } from '../../../../verifier/index.ts';
import { outcomeWords, plainText } from './words.ts';

export interface CheckListProps {
  /** What the checks are about: the caption of the table. */
  readonly title: string;
  readonly checks: readonly Check[];
}

const OUTCOMES: readonly CheckOutcome[] = ['passed', 'failed', 'not-asked', 'not-reached'];

/** Checks in the order in which they ran; nothing is told by colour alone. */
export function CheckList({ title, checks }: CheckListProps): VNode {
  return (
    <div class="check-list">
      <table class="checks">
        <caption>
          {title} <span class="soft">{countsOf(checks)}</span>
        </caption>
        <thead class="visually-hidden">
          <tr>
            <th scope="col">Outcome</th>
            <th scope="col">Check</th>
            <th scope="col">What it asks, and what it found</th>
          </tr>
        </thead>
        <tbody>
          {checks.map(({ id, title: question, outcome, detail }) => (
            <tr key={id} class={outcome}>
              <td>
                <span class="tag">{outcomeWords[outcome]}</span>
              </td>
              <td>
                <code>{id}</code>
              </td>
              <td>
                {question}
                {detail === '' ? null : <span class="detail">{plainText(detail)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function countsOf(checks: readonly Check[]): string {
  return OUTCOMES.map((outcome) => [checks.filter((check) => check.outcome === outcome).length, outcome] as const)
    .filter(([count]) => count > 0)
    .map(([count, outcome]) => `${count} ${outcomeWords[outcome]}`)
    .join(', ');
}
