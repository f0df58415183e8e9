import { disputeSentence, type LevelWords, levelWords } from '../level-words.ts';
import type { AuditReport } from '../report.ts';
import { type Html, html } from './markup.ts';

/** Which levels of the spectrum the answer has, and what each rests on. */
export function levelsSection({ levels }: AuditReport): Html {
  const words = levelWords(levels);
  if (words.length === 0) return html``;
  const dispute = disputeSentence(levels);
  return html`<section>
<h2>Which levels it has</h2>
${dispute === undefined ? '' : html`<p class="advice">${dispute}</p>`}
<table class="checks levels"><tbody>
${words.map(row)}</tbody></table>
</section>`;
}

const classes = { reached: 'passed', refused: 'failed', 'not-reached': 'not-reached' } as const;

function row({ level, state, word, lines }: LevelWords): Html {
  return html`<tr class="${classes[state]}"><td><span class="tag">${word}</span></td><td><code>${level}</code></td><td>${lines.map((line) => html`<span class="detail">${line}</span>`)}</td></tr>
`;
}
