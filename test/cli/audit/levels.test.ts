import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { encodeApprovalRecord, encodeFindingRecord, type FindingRecord } from '../../../wire/message/finding-record.ts';
import { approvalOf, createAuditor, findingOf, integerAnswer, proofOf } from '../../client/levels/evidence.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { auditJson, ruled } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const answered = integerAnswer();
const auditor = createAuditor();
const policy = folder.file('policy.json', JSON.stringify(answerPolicy({ models: 'any' })));
const good = folder.file('good.proofmark', encodeArchive(answered.archive));
const proof = folder.file('answer.proof', proofOf());
const key = folder.file('circuit.key', trapdoorKeyBytes);
const levelsPolicy = folder.file(
  'levels.json',
  JSON.stringify({
    ...{ format: 'proofmark levels policy v1', name: 'mine', setups: 'ceremony', recomputations: 'none' },
    auditors: { keys: [toHex(auditor.id)], threshold: 1 },
  }),
);

function approvalFile(): string {
  const { key: id, words, signature } = approvalOf(auditor, answered);
  const record = { format: 'proofmark approval v1', auditor: id, approval: words, signature } as const;
  return folder.file('yes.approval', encodeApprovalRecord(record));
}

/** As auditors publish them; what stands beside the signed words is not looked at here. */
function findingFile(name: string, { finding, signature }: ReturnType<typeof findingOf>): string {
  const zeros = new Uint8Array(32);
  const record: FindingRecord = {
    ...{ format: 'proofmark finding v1', finding, signature, blinding: zeros, reveal: signature, drawn: null },
    commit: { digest: zeros, signature },
    statement: { links: 1, anchor: zeros, signature },
    ...{ held: [], waited: 'alone' },
  };
  return folder.file(name, encodeFindingRecord(record));
}

interface Levels {
  readonly standing: string;
  readonly levels: readonly { readonly level: string; readonly state: string; readonly code?: string }[];
}

async function levelsIn(...args: readonly string[]): Promise<readonly string[]> {
  const audited = await auditJson(good, '--policy', policy, ...args);
  const { levels } = audited.report.evidence as unknown as { readonly levels: Levels };
  return [levels.standing, ...levels.levels.map(({ level, state, code = '' }) => `${level} ${state} ${code}`.trim())];
}

describe('proofmark audit, about the levels of an answer', () => {
  it('lists them for every saved answer', async () => {
    expect(await levelsIn()).toEqual([
      'undisputed',
      'simulated reached',
      'attested refused simulated_evidence',
      'replayed not-reached policy_none',
      'recomputed not-reached policy_none',
      'proved not-reached evidence_missing',
    ]);
  });

  it('lets it gain what is shown, and refuses one without the level that is asked for', async () => {
    const shown = [
      '--proof',
      proof,
      '--circuit-key',
      key,
      '--finding',
      approvalFile(),
      '--levels-policy',
      levelsPolicy,
    ];
    expect(await levelsIn(...shown)).toContain('proved reached');
    expect(await levelsIn(...shown)).toContain('replayed reached');
    const whole = await auditJson(good, '--policy', policy, ...shown, '--level', 'proved');
    expect([ruled(whole), whole.exit]).toEqual(['accepted', 0]);
    const without = await auditJson(good, '--policy', policy, '--level', 'proved');
    expect([ruled(without), without.exit]).toEqual(['refused level_missing', 30]);
  });

  it('is refused where an auditor whom the policy names has other bits', async () => {
    const against = findingOf(auditor, answered, { verdict: 2n, answer: new Uint8Array(32).fill(5) });
    const args = ['--finding', findingFile('no.finding', against), '--levels-policy', levelsPolicy];
    const audited = await auditJson(good, '--policy', policy, ...args);
    expect([ruled(audited), audited.exit]).toEqual(['refused disputed', 30]);
    expect((await levelsIn(...args))[0]).toBe('disputed');
    const unnamed = await auditJson(good, '--policy', policy, ...args.slice(0, 2));
    expect(ruled(unnamed)).toBe('accepted');
  });

  it('says it in text and on a page', async () => {
    const shown = ['--policy', policy, '--proof', proof, '--circuit-key', key];
    const { out } = await command('audit', good, ...shown);
    expect(out).toContain('✓ proved      reached');
    expect(out).toContain('ceremony (3 and 2 contributions)');
    expect(out).toContain('cost fee 5');
    const page = folder.file('page.html', '');
    await command('audit', good, ...shown, '--html', page);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('Which levels it has');
    expect(html).toContain('ceremony (3 and 2 contributions)');
  });

  it.each<[string, readonly string[], number, string]>([
    ['a level that is none', [good, '--level', 'certified'], 2, '--level is one of'],
    ['a file that says nothing of levels', [good, '--proof', good], 1, 'is no proof, circuit key, finding or approval'],
    [
      'a finding that is none',
      [good, '--finding', folder.file('x', utf8('{"format":"proofmark finding v1"}'))],
      1,
      'is no',
    ],
    ['a policy that is none', [good, '--levels-policy', policy], 1, 'argument_invalid'],
    ['a host', ['http://127.0.0.1:1', '--level', 'proved'], 2, 'a host has no levels'],
    ['many', ['--batch', good, '--level', 'proved'], 2, '--batch takes it from the cases'],
  ])('ends with one line for %s', async (_, args, code, words) => {
    const outcome = await command('audit', ...args);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err).toContain(words);
  });
});
