import type { Check } from '../../../verifier/index.ts';
import { toBase64 } from '../../../wire/base64.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { type AuditReport, meaningOf, verdictMeanings } from '../report.ts';
import {
  challengeSentence,
  inputSentence,
  judgementSentence,
  levelSentence,
  policySentence,
  simulatedWarning,
} from '../words.ts';
import { checksSection } from './checks.ts';
import { factList, groupsSection } from './facts.ts';
import { levelsSection } from './levels.ts';
import { constantMarkup, type Html, html } from './markup.ts';
import { style } from './style.ts';
import { timesSection } from './times.ts';
import { trustSection } from './trust.ts';

/**
 * One file that can be mailed, opened offline, printed and kept: it asks for nothing and runs nothing. The policy in its
 * head lets in no script, image, font or frame, and this one style by its hash.
 */
export async function renderHtml(report: AuditReport, suite: Pick<Suite, 'sha256'>): Promise<string> {
  const styleHash = toBase64(await suite.sha256(utf8(style)));
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`;
  const { verdict, input } = report;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${verdict}: audit of ${input.name}</title>
<style>${constantMarkup(style)}</style>
</head>
<body>
<main>
${verdictBanner(report)}
${summary(report)}
${report.advice.map((line) => html`<p class="advice">${line}</p>\n`)}
${levelsSection(report)}
${trustSection(report)}
${timesSection(report)}
${notProvenSection(report)}
${groupsSection(report)}
${checksSection(report)}
${footer(report)}
</main>
</body>
</html>
`;
  return page.text;
}

function verdictBanner(report: AuditReport): Html {
  const { verdict, code, checks, level } = report;
  const simulated = level === 'simulated';
  const reasons = checks.filter(({ outcome }) => outcome === 'failed');
  return html`<header class="verdict ${verdict}${simulated ? ' simulated' : ''}">
<p class="brand">Proofmark audit</p>
<h1>${verdict}</h1>
<p class="lead">${verdictMeanings[verdict]}</p>
${simulated ? html`<p class="warning">${simulatedWarning}</p>` : ''}
${code === null ? '' : html`<p class="code"><code>${code}</code> ${meaningOf(code)}</p>`}
${reasons.length === 0 ? '' : html`<ul>${reasons.map(reason)}</ul>`}
</header>`;
}

function reason({ id, title, detail }: Check): Html {
  return html`<li><span class="tag failed">failed</span> <code>${id}</code> ${title}<span class="found">Found: ${detail}</span></li>`;
}

function summary(report: AuditReport): Html {
  const { input } = report;
  return html`<section class="card summary" aria-label="What was judged">
${factList([
  { label: 'Input', lines: [input.name, inputSentence(report)], kind: 'text' },
  { label: 'SHA-256', lines: [input.sha256 === '' ? '–' : input.sha256], kind: 'hex' },
  { label: 'Judged', lines: [judgementSentence(report)], kind: 'text' },
  { label: 'Policy', lines: [policySentence(report)], kind: 'text' },
  {
    label: 'Challenge',
    lines: [challengeSentence(report)],
    kind: report.judgement?.challenge === 'any' ? 'text' : 'hex',
  },
  { label: 'Level', lines: [levelSentence(report)], kind: 'text' },
])}
</section>`;
}

function notProvenSection({ notProven }: AuditReport): Html {
  if (notProven.length === 0) return html``;
  return html`<section>
<h2>What this does not prove</h2>
<ul class="open">${notProven.map(({ reason }) => html`<li>${reason}</li>`)}</ul>
</section>`;
}

function footer({ input }: AuditReport): Html {
  return html`<footer>
<p>Do not take this page’s word for it: it is text, and text can be edited. Whoever holds the file can run the same checks offline with <code>proofmark audit</code>; it has the SHA-256 that is named above.</p>
<p>Made from ${input.name}. This page runs no script and loads nothing.</p>
</footer>`;
}
