import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { renderText } from '../../../cli/audit/render-text.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { hostile, reportSaying } from '../../client/audit/hostile.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { plain } from '../../support/answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { runs } from '../../support/runs.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

describe('proofmark audit --html', () => {
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
