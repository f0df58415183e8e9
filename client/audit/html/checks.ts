import type { Check, CheckOutcome } from '../../../verifier/index.ts';
import { phasesOf } from '../phases.ts';
import type { AuditReport } from '../report.ts';
import { type Html, html } from './markup.ts';

const OUTCOMES: readonly CheckOutcome[] = ['passed', 'failed', 'not-asked', 'not-reached'];

const words: Readonly<Record<CheckOutcome, string>> = {
  passed: 'passed',
  failed: 'failed',
  'not-asked': 'not asked',
  'not-reached': 'not reached',
};

export function checksSection({ checks }: AuditReport): Html {
  const counts = OUTCOMES.map((outcome) => ({
    outcome,
    count: checks.filter((check) => check.outcome === outcome).length,
  }));
  return html`<section>
<h2>Every check, in the order in which they ran</h2>
${bar(counts, checks.length)}
<ul class="counts">${counts.map(({ outcome, count }) => html`<li><span class="tag ${outcome}">${count} ${words[outcome]}</span></li>`)}</ul>
${phasesOf(checks).map(
  ({ title, checks: rows }) => html`<table class="checks"><caption>${title}</caption><tbody>
${rows.map(row)}</tbody></table>
`,
)}
</section>`;
}

function row({ id, title, outcome, detail }: Check): Html {
  return html`<tr class="${outcome}"><td><span class="tag">${words[outcome]}</span></td><td><code>${id}</code></td><td>${title}${detail === '' ? '' : html`<span class="detail">${detail}</span>`}</td></tr>
`;
}

interface Count {
  readonly outcome: CheckOutcome;
  readonly count: number;
}

function bar(counts: readonly Count[], total: number): Html {
  let x = 0;
  const parts = counts.map(({ outcome, count }) => {
    const part = html`<rect class="fill-${outcome}" x="${x}" y="0" width="${count}" height="1"/>`;
    x += count;
    return part;
  });
  return html`<svg class="bar" viewBox="0 0 ${total} 1" preserveAspectRatio="none" aria-hidden="true">${parts}</svg>`;
}
