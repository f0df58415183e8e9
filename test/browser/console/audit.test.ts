import { generateKeyPairSync } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  judge,
  policyChoice,
  recognise,
  renderHtml,
  renderJson,
  usualLevelsAsked,
} from '../../../client/audit/index.ts';
import { parseWorkerPolicy } from '../../../verifier/index.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { encodeFindingRecord } from '../../../wire/message/finding-record.ts';
import { createAuditor, findingOf, integerAnswer, naming, policyOf, proofOf } from '../../client/levels/evidence.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { ANSWERED, ASKED, plain } from '../../support/answer.ts';
import { NOW } from '../../support/certificates.ts';
import { cosignedHead, cosignerOf, dateOf } from '../../support/cosign.ts';
import { snpEvidence, snpPolicyJson } from '../../support/snp-evidence.ts';
import { trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { chromium } from '../chromium.ts';
import {
  expectAccessible,
  expectFits,
  launchBrowser,
  type ServedConsole,
  screenshot,
  serveConsole,
  type Visit,
  type VisitOptions,
  visit,
} from './harness.ts';
import { saved } from './saved.ts';

const TIMEOUT = 120_000;
const YEARS_LATER = Date.UTC(2034, 5, 1, 12);

const { privateKey: witness } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const anchors = { cosigners: [toHex(cosignerOf(witness))], maxKeyAgeSeconds: 600 };
const integer = integerAnswer();
const rules = { ...answerPolicy({ models: [plain, integer].map(({ modelId }) => toHex(modelId)) }), anchors };
const dated = encodeArchive({
  ...plain.archive,
  anchors: [cosignedHead(witness, dateOf(plain.archive, ANSWERED + 60_000))],
});
const file = (name: string, bytes: Uint8Array | string) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(bytes),
});
const DROP = 'Attestation document, SEV-SNP report, its certificates, or .proofmark file';
const auditor = createAuditor();
const against = findingOf(auditor, integer, { verdict: 2n, answer: new Uint8Array(32).fill(5) });
const disputing = encodeFindingRecord({
  ...{ format: 'proofmark finding v1', ...against, blinding: new Uint8Array(32), reveal: against.signature },
  ...{ drawn: null, commit: { digest: new Uint8Array(32), signature: against.signature } },
  statement: { links: 1, anchor: new Uint8Array(32), signature: against.signature },
  ...{ held: [], waited: 'alone' },
});
const snp = snpEvidence();
const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

const verdictOf = async (page: Page): Promise<string> => {
  await page.locator('.verdict').waitFor();
  return (await page.locator('.verdict-word').textContent()) ?? '';
};

describe.skipIf(chromium === undefined)(
  'the audit page (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let served: ServedConsole;
    const open = (options: Partial<VisitOptions> = {}): Promise<Visit> =>
      visit(browser, { url: served.url, at: ANSWERED, route: '#/audit', ...options });

    beforeAll(async () => {
      // Nothing is asked of a host: there is none.
      served = await serveConsole({ host: 'http://127.0.0.1:9', servedBy: 'package', policy: rules });
      browser = await launchBrowser();
    }, TIMEOUT);

    afterAll(async () => {
      await browser?.close();
      await served?.close();
    });

    it('judges a saved answer with the network cut, and saves the files that the command line writes', async () => {
      const { page, complaints, close } = await open();
      await page.context().setOffline(true);
      await page.getByLabel(DROP).setInputFiles(file('answer.proofmark', dated));
      expect(await verdictOf(page)).toBe('accepted');
      const text = (await page.locator('.audit-report').textContent()) ?? '';
      for (const part of [
        'Simulated: no hardware',
        'checked by your own package',
        'Receipt',
        'What this does not prove',
      ]) {
        expect(text).toContain(part);
      }
      const json = await saved(page, 'Save JSON');
      const html = await saved(page, 'Save as HTML');
      const { readAt, at } = (JSON.parse(json.text) as { evidence: { judgement: { readAt: string; at: string } } })
        .evidence.judgement;
      const report = await judge(await recognise(dated, { name: 'answer.proofmark', tee: 'auto', suite: nodeSuite }), {
        suite: nodeSuite,
        tee: 'auto',
        chain: { certificates: [], revocationLists: [] },
        policies: policyChoice([parseWorkerPolicy(rules)], 'given'),
        levels: usualLevelsAsked,
        purpose: { kind: 'live', now: Date.parse(at) },
        challenge: 'any',
        challengedAt: 'unknown',
        readAt: Date.parse(readAt),
      });
      expect(json).toEqual({ name: 'audit-answer.proofmark.json', text: renderJson(report) });
      expect(html).toEqual({ name: 'audit-answer.proofmark.html', text: await renderHtml(report, nodeSuite) });
      expect(complaints).toEqual([]);
      await close();
    });

    it('tells which levels an answer has, of several files that are dropped together', async () => {
      const { page, complaints, close } = await open();
      await page
        .getByLabel(DROP)
        .setInputFiles([
          file('answer.proofmark', encodeArchive(integer.archive)),
          file('answer.proof', proofOf()),
          file('circuit.key', trapdoorKeyBytes),
        ]);
      await page.getByText('a circuit key', { exact: true }).waitFor();
      const levels = page.getByRole('region', { name: 'Which levels it has' });
      await levels.waitFor();
      const text = (await levels.textContent()) ?? '';
      expect(text).toContain('proved reached');
      expect(text).toContain('ceremony (3 and 2 contributions)');
      expect(text).toContain('attested refused');
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, 'audit-levels');
      await page
        .getByLabel(DROP)
        .setInputFiles([
          file('no.finding', disputing),
          file('levels.json', JSON.stringify({ ...policyOf(), ...naming([auditor], 1) })),
        ]);
      await page.getByText('Disputed: an auditor').waitFor();
      expect(await verdictOf(page)).toBe('refuseddisputed');
      expect(complaints).toEqual([]);
      await close();
    });

    it.each([
      ['desktop', 'light'],
      ['desktop', 'dark'],
      ['phone', 'light'],
      ['phone', 'dark'],
    ] as const)('tells years later who dated it and what has ended: %s, %s', async (size, scheme) => {
      const { page, complaints, close } = await open({ at: YEARS_LATER, size, scheme });
      await page.getByLabel(DROP).setInputFiles(file('answer.proofmark', dated));
      expect(await verdictOf(page)).toBe('untrustedcertificate_expired');
      await page.getByLabel('Purpose').selectOption('archive');
      await page.locator('.verdict.accepted').waitFor();
      const times = page.getByRole('region', { name: 'When, and what has ended since' });
      expect(await times.textContent()).toContain('the policy names this cosigner, and its signature holds');
      expect(await times.textContent()).toContain('does not matter');
      await screenshot(page, `audit-${size}-${scheme}`);
      await expectAccessible(page);
      await expectFits(page);
      expect(complaints).toEqual([]);
      await close();
    });

    it('holds the time, the challenge and the policy that are asked for against it', async () => {
      const { page, complaints, close } = await open({ at: YEARS_LATER });
      await page.getByLabel(DROP).setInputFiles(file('answer.proofmark', dated));
      await page.getByLabel('Time, UTC').fill('2030-05-17T12:00:00Z');
      await page.locator('.verdict.accepted').waitFor();
      await page.getByLabel('Expected challenge').fill('11'.repeat(32));
      await page.getByText('challenge_mismatch').first().waitFor();
      await page.getByLabel('Expected challenge').fill(toHex(ASKED));
      await page.locator('.verdict.accepted').waitFor();
      await page.getByLabel('Policy', { exact: true }).selectOption('shipped');
      await page.getByText('root_not_trusted').first().waitFor();
      await page.getByLabel('Time, UTC').fill('yesterday');
      await page.getByText('is no UTC time like').waitFor();
      expect(await page.locator('.verdict').count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    });

    it('takes a report, its certificates and a policy as files, one after another', async () => {
      const { page, complaints, close } = await open({ at: NOW });
      await page.getByLabel(DROP).setInputFiles(file('report.bin', snp.report));
      await page.getByLabel('Policy', { exact: true }).selectOption('file');
      await page.getByLabel('Policy for this audit').setInputFiles(file('p.json', JSON.stringify(snpPolicyJson())));
      await page.getByText('chain_incomplete').first().waitFor();
      await page.getByLabel(DROP).setInputFiles(file('chain.pem', snp.certificates.map(pem).join('')));
      await page.locator('.verdict.accepted').waitFor();
      expect(await page.locator('.trust').textContent()).toContain('ARK-Genoa');
      await page.getByLabel('Policy for this audit').setInputFiles(file('p.json', '{"tee":"none"}'));
      await page.getByText('That is no policy.').waitFor();
      expect(complaints).toEqual([]);
      await close();
    });

    it('takes pasted hex', async () => {
      const { page, complaints, close } = await open();
      await page.getByText('Or paste hex').click();
      await page.getByLabel('Evidence or certificates as text').fill(`\n ${toHex(plain.evidence.document)}\n\n`);
      await page.getByRole('button', { name: 'Judge this text' }).click();
      expect(await verdictOf(page)).toBe('accepted');
      expect(complaints).toEqual([]);
      await close();
    });

    it.each<[string, string, Uint8Array | string, string]>([
      ['garbage', 'x.bin', new Uint8Array(5_000).fill(0x3c), 'input_unrecognised'],
      ['nothing', 'x.bin', '', 'input_empty'],
      ['JSON that is no archive', 'x.proofmark', '{"a":1}', 'archive_invalid'],
      ['JSON without an end', 'x.proofmark', '{'.repeat(100_000), 'archive_invalid'],
      [
        'markup for a name',
        '<img src=x onerror=alert(1)>\u202e.bin',
        '<script>alert(1)</script>',
        'input_unrecognised',
      ],
    ])('calls %s malformed, and runs nothing of it', async (_, name, bytes, code) => {
      const { page, complaints, close } = await open();
      page.on('dialog', (dialog) => complaints.push(dialog.message()));
      await page.getByLabel(DROP).setInputFiles(file(name, bytes));
      expect(await verdictOf(page)).toBe(`malformed${code}`);
      expect(await page.locator('img[src="x"], .audit-report script').count()).toBe(0);
      expect((await page.locator('.verdict-of').textContent()) ?? '').not.toMatch(/\p{Cf}/u);
      const { name: given } = await saved(page, 'Save JSON');
      expect(given).toMatch(/^audit-[A-Za-z0-9._-]+\.json$/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('does not read a file that is longer than any that it judges', async () => {
      const { page, complaints, close } = await open();
      await page.getByLabel(DROP).setInputFiles(file('long.bin', new Uint8Array(limits.consoleFileBytes + 1)));
      await page.getByText('file_too_large').waitFor();
      expect(await page.locator('.verdict').count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    });
  },
);
