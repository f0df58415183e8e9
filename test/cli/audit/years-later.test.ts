import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { ANSWERED, plain } from '../../support/answer.ts';
import { commandAt, temporaryFolder } from '../../support/command.ts';
import { cosignedHead, cosignerOf, dateOf } from '../../support/cosign.ts';
import { auditJsonAt, ruled } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const YEARS_LATER = Date.UTC(2034, 5, 1, 12);
const { privateKey: witness } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { privateKey: stranger } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const anchors = { cosigners: [toHex(cosignerOf(witness))], maxKeyAgeSeconds: 600 };
const policy = folder.file('policy.json', JSON.stringify({ ...answerPolicy(), anchors }));
const { archive } = plain;
const seen = dateOf(archive, ANSWERED + 60_000);
const undated = folder.file('undated.proofmark', encodeArchive(archive));
const dated = folder.file(
  'dated.proofmark',
  encodeArchive({ ...archive, anchors: [cosignedHead(witness, seen), cosignedHead(stranger, seen)] }),
);

const asArchive = ['--policy', policy, '--purpose', 'archive'] as const;

describe('a saved answer, four years later', () => {
  it('says who dated it, whose word counts, and that the end of its certificates does not matter', async () => {
    const { code, out } = await commandAt(YEARS_LATER, 'audit', dated, ...asArchive);
    expect(code).toBe(0);
    expect(out).toContain(`✓ head       2030-05-17T12:01:00Z, counted\n      cosigner ${toHex(cosignerOf(witness))}`);
    expect(out).toContain(
      `– head       2030-05-17T12:01:00Z, not counted\n      cosigner ${toHex(cosignerOf(stranger))}`,
    );
    expect(out).toContain('the policy does not name this cosigner');
    expect(out).toContain('read at 2034-06-01T12:00:00Z');
    expect(out).toMatch(/– over since\s+2030-05-17T14:59:57Z[^\n]+\n[^\n]+does not matter: it held/);
    expect(out).toMatch(/! over since\s+2031-01-01T00:00:00Z {2}tests\n[^\n]+ask its author/);
    expect(out).toContain('Not proven');
  });

  it('says the same as data', async () => {
    const { report } = await auditJsonAt(YEARS_LATER, dated, ...asArchive);
    const { judgement, dates, lifetimes } = report.evidence;
    expect(judgement?.readAt).toBe('2034-06-01T12:00:00.000Z');
    expect(dates.map(({ of, counts }) => [of, counts])).toEqual([
      ['document', true],
      ['head', true],
      ['head', false],
    ]);
    const over = lifetimes.filter(({ state }) => state === 'over-since');
    expect(over.filter(({ kind }) => kind === 'certificate').every(({ matters }) => !matters)).toBe(true);
    expect(over.filter(({ kind }) => kind === 'policy').map(({ matters }) => matters)).toEqual([true]);
  });

  it('says the same in the page', async () => {
    const html = folder.path('later.html');
    await commandAt(YEARS_LATER, 'audit', dated, ...asArchive, '--html', html);
    const page = readFileSync(html, 'utf8');
    for (const text of [
      'Who dated it',
      toHex(cosignerOf(witness)),
      'does not matter',
      '2034-06-01T12:00:00Z',
      'What this does not prove',
    ]) {
      expect(page).toContain(text);
    }
  });

  it('matters that certificates ended where nobody dated the head', async () => {
    const { code, out } = await commandAt(YEARS_LATER, 'audit', undated, ...asArchive);
    expect(code).toBe(40);
    expect(out).toContain('nobody dated the head');
    expect(out).toMatch(/! over since[^\n]+\n[^\n]+it may have been made after this had ended/);
  });

  it('is expired if it is judged as of today, which is no sign of a forgery', async () => {
    const live = await auditJsonAt(YEARS_LATER, dated, '--policy', policy);
    expect(ruled(live)).toBe('untrusted certificate_expired');
    expect(live.report.evidence.lifetimes.some(({ state, matters }) => state === 'over-when-judged' && matters)).toBe(
      true,
    );
    const { out } = await commandAt(YEARS_LATER, 'audit', dated, '--policy', policy);
    expect(out).toContain('no sign of a forgery');
  });

  it('is accepted as of its day, which says nothing about today', async () => {
    const { code, out } = await commandAt(
      YEARS_LATER,
      'audit',
      dated,
      '--policy',
      policy,
      '--at',
      new Date(ANSWERED).toISOString(),
    );
    expect(code).toBe(0);
    expect(out).toContain('not about today');
    expect(out).toContain('not needed: everything was judged at one given time');
  });
});
