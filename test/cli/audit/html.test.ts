import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { renderText } from '../../../cli/audit/render-text.ts';
import type { AuditReport } from '../../../cli/audit/report.ts';
import { renderHtml } from '../../../cli/html/page.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { plain } from '../../support/answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { runs } from '../../support/runs.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** A report with this text wherever a stranger's text can come: names, titles, details, facts. */
function reportSaying(text: string): AuditReport {
  return {
    verdict: 'refused',
    code: 'image_refused',
    checks: [
      { id: 'X1', title: 'a title', outcome: 'passed', detail: text },
      { id: 'N18.image', title: 'another', outcome: 'failed', detail: text },
    ],
    notProven: [{ id: 'x', reason: text }],
    input: { name: text, kind: 'nitro-document', encoding: 'hex', bytes: 3, sha256: '00' },
    tee: 'aws-nitro',
    level: 'simulated',
    judgement: {
      purpose: 'live',
      at: '2030-01-01T00:00:00.000Z',
      challenge: 'any',
      policy: { name: text, origin: 'given' },
    },
    trust: [
      {
        kind: 'root',
        title: text,
        by: 'a',
        state: 'proven',
        checks: ['C16'],
        facts: [{ key: 'k', label: 'l', value: text }],
      },
      { kind: 'leaf', title: text, by: 'b', state: 'broken', checks: ['C18'], facts: [] },
    ],
    groups: [
      {
        key: 'document',
        title: 'Document',
        standing: 'claimed',
        facts: [{ key: 'k', label: 'l', value: [text, text] }],
      },
    ],
    advice: [text],
  };
}

const markupOf = (page: string): readonly string[] => page.match(/<[^>]*>/g) ?? [];

const hostile = fc.oneof(
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title><script>',
    '</style><style>*{display:none}</style>',
    '<!--',
    ']]>',
    '&lt;script&gt;',
    '\u202eevil\u202c',
    '\u2066\u2069\u200b\ufeff',
    '\u0000\u001b[2J\u009b\u2028',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", '/', '=', '\u202e', 'a'), maxLength: 20 }),
);

describe('the HTML report', () => {
  it('has the same markup whatever the evidence says', () => {
    const expected = markupOf(renderHtml(reportSaying('plain')));
    fc.assert(
      fc.property(hostile, (text) => {
        const page = renderHtml(reportSaying(`.${text}`));
        expect(markupOf(page)).toEqual(expected);
        expect(page.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: runs(200) },
    );
  });

  it('shows the text, and a mark where something was taken out', () => {
    const page = renderHtml(reportSaying('a<b\u202ec'));
    expect(page).toContain('a&lt;b\ufffdc');
    expect(page).not.toContain('a<b');
  });

  it('allows nothing but its own style, by hash', () => {
    const page = renderHtml(reportSaying('plain'));
    const style = /<style>([^<]*)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(
      `content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
    );
    expect(markupOf(page).filter((tag) => /^<(script|link|img|iframe|object|embed|base|form|a)\b/i.test(tag))).toEqual(
      [],
    );
    expect(markupOf(page).filter((tag) => /\b(src|href|style|on\w+)\s*=/i.test(tag))).toEqual([]);
    expect(style).not.toMatch(/url\(|@import|@font-face|https?:/);
  });

  it('is written for a whole answer: verdict, chain, checks, what is open', async () => {
    const policy = folder.file('policy.json', JSON.stringify(answerPolicy()));
    const file = folder.file('good.proofmark', encodeArchive(plain.archive));
    const path = folder.path('audit.html');
    const { code, out } = await command('audit', file, '--policy', policy, '--html', path);
    expect([code, out]).toEqual([0, 'accepted: Every check passed that the policy asks for.\n']);
    const page = readFileSync(path, 'utf8');
    for (const text of [
      '<h1>accepted</h1>',
      'simulated.nitro-enclaves',
      'Head of the worker&#39;s log',
      'no hardware vouches',
    ]) {
      expect(page).toContain(text);
    }
    for (const id of ['I1', 'N7', 'W6', 'R8', 'M3']) expect(page).toContain(`<code>${id}</code>`);
    expect(page).toContain('What this does not prove');
  });

  it('cannot be written where there is no folder, and says so', async () => {
    const file = folder.file('good.proofmark', encodeArchive(plain.archive));
    const { code, err } = await command('audit', file, '--html', folder.path('absent/audit.html'));
    expect(code).toBe(1);
    expect(err).toMatch(/^proofmark: cannot write [^\n]+\n$/);
  });
});

describe('the report for terminals', () => {
  it('lets no text of evidence reach it raw', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const lines = renderText(reportSaying(`.${text}`), { colours: false });
        expect(lines.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: runs(200) },
    );
  });
});
