import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderText } from '../../../cli/audit/render-text.ts';
import {
  judge,
  recognise,
  renderHtml,
  renderJson,
  surveyChoice,
  usualLevelsAsked,
} from '../../../client/audit/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { plain } from '../../support/answer.ts';
import { NOW } from '../../support/certificates.ts';
import { evidence } from '../../support/nitro-evidence.ts';
import { runs } from '../../support/runs.ts';
import { snpEvidence } from '../../support/snp-evidence.ts';

const snp = snpEvidence();
const seeds: readonly Uint8Array[] = [evidence(), snp.report, encodeArchive(plain.archive)];

const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc
    .record({
      seed: fc.constantFrom(...seeds),
      cut: fc.double({ min: 0.5, max: 1, noNaN: true }),
      places: fc.array(
        fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), to: fc.integer({ min: 0, max: 255 }) }),
        {
          maxLength: 3,
        },
      ),
      tail: fc.uint8Array({ maxLength: 40 }),
    })
    .map(({ seed, cut, places, tail }) => {
      const kept = cut > 0.75 ? seed.slice() : seed.slice(0, Math.floor(seed.length * cut));
      for (const { at, to } of places) kept[Math.floor(at * (kept.length - 1))] = to;
      return Uint8Array.from([...kept, ...(cut > 0.9 ? tail : [])]);
    }),
);

describe('any bytes', () => {
  it('get a verdict and three reports of it, and nothing is thrown', async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes,
        fc.constantFrom('auto', 'aws-nitro', 'amd-sev-snp'),
        fc.constantFrom('live', 'archive'),
        async (input, tee, purpose) => {
          const report = await judge(await recognise(input, { name: 'fuzz', tee, suite: nodeSuite }), {
            suite: nodeSuite,
            tee,
            chain: snp,
            policies: surveyChoice([0]),
            purpose: purpose === 'live' ? { kind: 'live', now: NOW } : { kind: 'archive' },
            challenge: 'any',
            challengedAt: 'unknown',
            readAt: NOW,
            levels: usualLevelsAsked,
          });
          // The survey trusts vendors, and no seed is a vendor's.
          expect(['malformed', 'untrusted']).toContain(report.verdict);
          expect(report.checks.some(({ outcome }) => outcome === 'failed')).toBe(true);
          expect(JSON.parse(renderJson(report))).toMatchObject({ verdict: report.verdict });
          expect(renderText(report, { colours: false })).toContain(report.verdict);
          expect(await renderHtml(report, nodeSuite)).toContain(`<h1>${report.verdict}</h1>`);
        },
      ),
      { numRuns: runs(300) },
    );
  });
});
