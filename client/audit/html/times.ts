import type { AuditReport, DateWord, Lifetime } from '../report.ts';
import { dateLine, lifetimeWords, shortTime } from '../words.ts';
import { type Html, html } from './markup.ts';

/** Who says when, and what has ended since: what makes an old answer worth as much as it was, or not. */
export function timesSection({ dates, lifetimes, judgement }: AuditReport): Html {
  if (judgement === null) return html``;
  return html`<section>
<h2>Who dated it</h2>
<ul class="open dates">${dates.map(date)}</ul>
<h2>What ends, and what that means</h2>
<p class="note">By the clock of whoever made this page: ${shortTime(judgement.readAt)}.</p>
<table class="checks ends"><tbody>
${lifetimes.map(lifetime)}</tbody></table>
</section>`;
}

function date(word: DateWord): Html {
  const { of, by, meaning, counts } = word;
  return html`<li class="${counts ? 'counted' : 'uncounted'}"><strong>${of}</strong> ${dateLine(word)} <span class="detail">${by}: ${meaning}</span></li>
`;
}

function lifetime({ title, until, state, matters, meaning }: Lifetime): Html {
  return html`<tr class="${matters ? 'failed' : state === 'holds' ? 'passed' : 'not-reached'}"><td><span class="tag">${lifetimeWords[state]}</span></td><td>${shortTime(until)}</td><td>${title}<span class="detail">${meaning}</span></td></tr>
`;
}
