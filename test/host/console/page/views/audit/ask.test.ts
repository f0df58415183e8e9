import { describe, expect, it } from 'vitest';
import {
  type AuditAsked,
  audit,
  chosenPolicies,
  firstWishes,
  problemIn,
  savedName,
  type Wishes,
} from '../../../../../../host/console/page/views/audit/ask.ts';
import { parseWorkerPolicy } from '../../../../../../verifier/index.ts';
import { toHex } from '../../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../../wire/crypto/web.ts';
import { encodeArchive } from '../../../../../../wire/message/archive.ts';
import { answerPolicy } from '../../../../../support/accept-answer.ts';
import { ANSWERED, ASKED, plain } from '../../../../../support/answer.ts';

const page = parseWorkerPolicy(answerPolicy());
const file = parseWorkerPolicy({ ...answerPolicy(), name: 'another' });
const wish = (changes: Partial<Wishes>): Wishes => ({ ...firstWishes, ...changes });
const asked: AuditAsked = {
  held: { evidence: { name: 'a.proofmark', bytes: encodeArchive(plain.archive) }, certificates: [], levels: [] },
  wishes: firstWishes,
  policies: { page, file: undefined },
  suite: webSuite,
  now: ANSWERED,
};
const ruled = async (changes: Partial<AuditAsked>): Promise<string> => {
  const { report } = await audit({ ...asked, ...changes });
  return report.code ?? report.verdict;
};

describe('the question of the audit page', () => {
  it('is of the policy that was wished for, and of the shipped one where there is none', async () => {
    const name = async (policy: Wishes['policy'], policies = { page, file } as AuditAsked['policies']) => {
      const chosen = await chosenPolicies(wish({ policy }), policies)('aws-nitro');
      return `${chosen?.origin} ${chosen?.policy.name}`;
    };
    expect(await name('page')).toBe(`given ${page.name}`);
    expect(await name('file')).toBe('given another');
    expect(await name('shipped')).toMatch(/^shipped /);
    expect(await name('page', { page: undefined, file })).toMatch(/^shipped /);
    expect(await name('file', { page, file: undefined })).toMatch(/^shipped /);
  });

  it('has a shipped policy for each kind of hardware, and neither accepts an image', async () => {
    for (const tee of ['aws-nitro', 'amd-sev-snp'] as const) {
      const chosen = await chosenPolicies(wish({ policy: 'shipped' }), { page, file })(tee);
      expect(chosen?.policy.tee).toBe(tee);
    }
    expect(await ruled({ wishes: wish({ policy: 'shipped' }) })).toBe('root_not_trusted');
  });

  it('is about now, or the time that is named', async () => {
    expect(await ruled({})).toBe('accepted');
    expect(await ruled({ now: ANSWERED + 400 * 86_400_000 })).toBe('certificate_expired');
    const wishes = wish({ at: new Date(ANSWERED).toISOString() });
    expect(await ruled({ now: ANSWERED + 400 * 86_400_000, wishes })).toBe('accepted');
  });

  it('is about its own time for an archive, whatever time is left in the form', async () => {
    expect(await ruled({ wishes: wish({ purpose: 'archive', at: 'rubbish' }) })).toBe('not_anchored');
  });

  it('holds the challenge against it', async () => {
    expect(await ruled({ wishes: wish({ challenge: toHex(ASKED) }) })).toBe('accepted');
    expect(await ruled({ wishes: wish({ challenge: '11'.repeat(32) }) })).toBe('challenge_mismatch');
  });

  it.each<[string, Partial<Wishes>, string | undefined]>([
    ['nothing', {}, undefined],
    ['a day alone', { at: '2030-01-01' }, 'time_invalid'],
    ['a day that is none', { at: '2030-02-30T12:00:00Z' }, 'time_invalid'],
    ['a time zone', { at: '2030-01-01T12:00:00+01:00' }, 'time_invalid'],
    ['a time', { at: '2030-01-01T12:00Z' }, undefined],
    ['a time that is not asked for', { at: 'x', purpose: 'archive' }, undefined],
    ['capital hex', { challenge: 'AA'.repeat(32) }, 'challenge_invalid'],
    ['short hex', { challenge: 'aa' }, 'challenge_invalid'],
  ])('is looked at before it is asked: %s', (_, changes, problem) => {
    expect(problemIn(wish(changes))).toBe(problem);
  });
});

describe('a saved audit', () => {
  it.each([
    ['answer.proofmark', 'audit-answer.proofmark.html'],
    ['../../etc/passwd', 'audit-etc_passwd.html'],
    ['<img src=x>\u202e', 'audit-img_src_x_.html'],
    ['..', 'audit-evidence.html'],
    ['\u0000', 'audit-evidence.html'],
    ['x'.repeat(300), `audit-${'x'.repeat(60)}.html`],
  ])('has a name that every system takes: %s', (name, expected) => {
    expect(savedName(name, 'html')).toBe(expected);
  });
});
