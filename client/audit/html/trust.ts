import type { AuditReport, LinkState, TrustLink } from '../report.ts';
import { stateWord } from '../words.ts';
import { factList, shown } from './facts.ts';
import { type Html, html } from './markup.ts';

/** From the root, which is trusted for its bytes, down to what it is asked to vouch for. */
export function trustSection({ trust }: AuditReport): Html {
  if (trust.length === 0) return html``;
  return html`<section>
<h2>Chain of trust</h2>
<p class="note">Read from the top: each step holds only if the one above it does.</p>
<ol class="trust card">
${trust.map((link, index) => step(link, trust[index + 1]))}
</ol>
</section>`;
}

function step(link: TrustLink, next: TrustLink | undefined): Html {
  const { kind, title, by, state, facts } = link;
  return html`<li class="${state}${next === undefined ? '' : ` to-${next.state}`}">
${icon(state)}
<h3>${title} <span class="tag">${stateWord(link)}</span></h3>
<span class="how">${kindWords[kind]}: ${by}</span>
${facts.length === 0 ? '' : factList(facts.map(shown))}
</li>
`;
}

const kindWords: Readonly<Record<TrustLink['kind'], string>> = {
  root: 'Root',
  ca: 'Certificate authority',
  leaf: 'Certificate of the hardware',
  document: 'Evidence',
  worker: 'Worker',
  head: 'Log',
  receipt: 'Receipt',
  answer: 'Payload',
  model: 'Release',
  policy: 'Policy',
};

const GLYPHS: Readonly<Record<LinkState, Html>> = {
  proven: html`<path class="glyph" d="M10.5 18.5l5 5 10-11"/>`,
  broken: html`<path class="glyph" d="M12 12l12 12M24 12L12 24"/>`,
  unproven: html`<path class="glyph" d="M11 18h14"/>`,
};

/** The word beside it says the same: nothing is told by colour or shape alone. */
function icon(state: LinkState): Html {
  return html`<svg viewBox="0 0 36 36" aria-hidden="true"><circle class="disc" cx="18" cy="18" r="16"/>${GLYPHS[state]}</svg>`;
}
