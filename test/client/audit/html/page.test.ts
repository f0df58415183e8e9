import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../../../client/audit/index.ts';
import { nodeSuite } from '../../../../wire/crypto/node.ts';
import { runs } from '../../../support/runs.ts';
import { hostile, reportSaying } from '../hostile.ts';

const page = (text: string): Promise<string> => renderHtml(reportSaying(text), nodeSuite);
const markupOf = (page: string): readonly string[] => page.match(/<[^>]*>/g) ?? [];

describe('the HTML report', () => {
  it('has the same markup whatever the evidence says', async () => {
    const expected = markupOf(await page('plain'));
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const shown = await page(`.${text}`);
        expect(markupOf(shown)).toEqual(expected);
        expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: runs(200) },
    );
  });

  it('shows the text, and a mark where something was taken out', async () => {
    const shown = await page('a<b\u202ec');
    expect(shown).toContain('a&lt;b\ufffdc');
    expect(shown).not.toContain('a<b');
  });

  it('allows nothing but its own style, by hash', async () => {
    const shown = await page('plain');
    const style = /<style>([^<]*)<\/style>/.exec(shown)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(shown).toContain(
      `content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
    );
    expect(markupOf(shown).filter((tag) => /^<(script|link|img|iframe|object|embed|base|form|a)\b/i.test(tag))).toEqual(
      [],
    );
    expect(markupOf(shown).filter((tag) => /\b(src|href|style|on\w+)\s*=/i.test(tag))).toEqual([]);
    expect(style).not.toMatch(/url\(|@import|@font-face|https?:/);
  });
});
