import type { AuditReport, Fact, FactGroup } from '../report.ts';
import { standingWords, valueLines } from '../words.ts';
import { type Html, html } from './markup.ts';

export interface ShownFact {
  readonly label: string;
  readonly lines: readonly string[];
  readonly kind: 'text' | 'hex';
}

export function factList(facts: readonly ShownFact[]): Html {
  return html`<dl class="facts">${facts.map(
    ({ label, lines, kind }) =>
      html`<dt>${label}</dt><dd${kind === 'hex' ? html` class="hex"` : ''}>${lines.map((line, index) => (index === 0 ? html`${line}` : html`<br>${line}`))}</dd>\n`,
  )}</dl>`;
}

/** Digests and keys are read digit by digit, so they get a face in which digits differ. */
export function shown({ label, value }: Fact): ShownFact {
  const lines = valueLines(value);
  const digits = lines.some((line) => /[0-9a-f]{32}/.test(line));
  return { label, lines, kind: digits ? 'hex' : 'text' };
}

export function groupsSection({ groups }: AuditReport): Html {
  if (groups.length === 0) return html``;
  return html`<section>
<h2>What the evidence says</h2>
${groups.map(group)}
</section>`;
}

function group({ title, standing, facts }: FactGroup): Html {
  return html`<article class="card group">
<header><h3>${title}</h3><span class="tag ${standing}">${standingWords[standing]}</span></header>
${factList(facts.map(shown))}
</article>
`;
}
