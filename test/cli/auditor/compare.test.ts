import { describe, expect, it } from 'vitest';
import { compareFindings } from '../../../cli/auditor/compare.ts';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { findingCommitMessage, findingVerdict } from '../../../wire/message/finding.ts';
import {
  auditorWords,
  type CommitRecord,
  type FindingRecord,
  readFinding,
} from '../../../wire/message/finding-record.ts';
import { type Changes, findingRecord, type Signer, signer, statementOf, word } from '../../support/findings.ts';

const [anna, berta, clara] = [signer(), signer(), signer()];
/** Three may draw different leaves: what is compared here is one that all of them looked at. */
const index = 2n;

function about(by: Signer, { finding = {}, ...rest }: Changes = {}): FindingRecord {
  return findingRecord(by, { ...rest, finding: { index, ...finding } });
}

async function exposures(...records: readonly (FindingRecord | CommitRecord)[]): Promise<readonly string[]> {
  const { exposed, refused } = await compareFindings(records);
  expect(refused).toEqual([]);
  return exposed.map(({ auditor, code }) => `${nameOf(auditor)} ${code}`);
}

function nameOf(auditor: string): string {
  return ['anna', 'berta', 'clara'][[anna, berta, clara].findIndex((one) => toHex(one.auditor) === auditor)] ?? '?';
}

function commitOf(by: Signer, digest: Uint8Array): CommitRecord {
  const fields = { leaf: word(6), digest };
  const signature = by.sign(findingCommitMessage({ ...auditorWords(by.auditor), ...fields }));
  return { format: 'proofmark finding commit v1', auditor: by.auditor, ...fields, signature };
}

describe('findings that agree', () => {
  it('expose nobody', async () => {
    const { exposed, leaves } = await compareFindings([about(anna), about(berta), about(clara)]);
    expect(exposed).toEqual([]);
    expect(leaves).toMatchObject([{ index: 2, standing: 'agreed', wrong: false }]);
    expect(leaves[0]?.findings).toHaveLength(3);
  });

  it('of different classes are not held against one another', async () => {
    const elsewhere = about(berta, { finding: { class: word(80), intermediates: word(90), answer: word(70) } });
    const { exposed, leaves } = await compareFindings([about(anna), elsewhere]);
    expect(exposed).toEqual([]);
    expect(leaves).toMatchObject([{ standing: 'single' }]);
  });

  it('say that a receipt is wrong where more of one class found other bits', async () => {
    const other = { verdict: findingVerdict.other };
    const records = [about(anna, { finding: other }), about(berta, { finding: other })];
    expect((await compareFindings(records)).leaves).toMatchObject([{ standing: 'agreed', wrong: true }]);
  });

  it('show whose commit was held by others', async () => {
    const first = about(anna);
    const held = [{ auditor: anna.auditor, ...first.commit }];
    const { leaves } = await compareFindings([first, about(berta, { record: { held } })]);
    expect(leaves[0]?.findings.map(({ heldByOthers }) => heldByOthers)).toEqual([true, false]);
  });
});

describe('an auditor is exposed that', () => {
  it.each<readonly [string, () => readonly (FindingRecord | CommitRecord)[]]>([
    ['clara commit_mismatch', () => [about(clara, { record: { commit: { digest: word(1), signature: word(0) } } })]],
    ['clara two_commits', () => [about(clara), commitOf(clara, word(1))]],
    ['clara link_mismatch', () => [about(clara, { record: { drawn: { number: 1, link: word(1), samples: 5 } } })]],
    [
      'clara link_mismatch',
      () => [about(clara, { record: { drawn: { number: 9, link: clara.chain[7] as Uint8Array, samples: 5 } } })],
    ],
    ['clara seed_mismatch', () => [about(clara, { finding: { seed: word(1) } })]],
    ['clara seed_mismatch', () => [about(clara, { record: { drawn: null } })]],
    ['clara not_drawn', () => [notDrawn(clara)]],
    [
      'clara link_reused',
      () => [
        findingRecord(clara),
        findingRecord(clara, { finding: { leaf: word(60), headRoot: word(40), headSize: 6n } }),
      ],
    ],
    ['clara two_anchors', () => [about(clara), about(clara, { record: { statement: statementOf(clara, word(1)) } })]],
  ])('%s', async (exposed, records) => {
    expect(await exposures(...records())).toContain(exposed);
  });

  it('says two things about one leaf', async () => {
    const second = about(clara, { finding: { intermediates: word(91) } });
    expect(await exposures(about(clara), second)).toEqual(
      expect.arrayContaining(['clara two_findings', 'clara two_commits']),
    );
  });

  it('signed an answer unseen, by what lies between, and where it shows nothing', async () => {
    const made = about(clara, { finding: { intermediates: word(99) } });
    expect(await exposures(about(anna), about(berta), made)).toEqual(['clara intermediates_differ']);
    const none = about(clara, { finding: { intermediates: word(0) } });
    expect(await exposures(about(anna), about(berta), none)).toEqual(['clara intermediates_missing']);
  });

  it('came to another verdict than a quorum', async () => {
    const other = about(clara, { finding: { verdict: findingVerdict.other } });
    expect(await exposures(about(anna), about(berta), other)).toEqual(['clara verdict_differs']);
  });
});

/** Of five leaves one is drawn: the finding is about another. */
function notDrawn(by: Signer): FindingRecord {
  const drawn = readFinding(findingRecord(by, { samples: 1 })).finding.index;
  return findingRecord(by, { samples: 1, finding: { index: (drawn + 1n) % 5n } });
}

describe('nobody is exposed', () => {
  it('by one against one', async () => {
    const { exposed, leaves } = await compareFindings([
      about(anna),
      about(berta, { finding: { intermediates: word(1) } }),
    ]);
    expect(exposed).toEqual([]);
    expect(leaves).toMatchObject([{ standing: 'disputed' }]);
  });

  it('where two show no steps and one does', async () => {
    const none = { finding: { intermediates: word(0) } };
    expect(await exposures(about(anna, none), about(berta, none), about(clara))).toEqual([]);
  });

  it('by a finding that one auditor publishes twice', async () => {
    const wrong = about(clara, { finding: { verdict: findingVerdict.other } });
    expect(await exposures(wrong, wrong, about(anna))).toEqual([]);
  });

  it('by bytes that its host did not show', async () => {
    const nothing = { verdict: findingVerdict.missing, answer: word(0), intermediates: word(0) };
    expect(await exposures(about(anna), about(berta), about(clara, { finding: nothing }))).toEqual([]);
  });

  it.each<readonly [string, () => FindingRecord | CommitRecord]>([
    ['finding_signature', () => ({ ...about(clara), signature: about(anna).signature })],
    ['finding_invalid', () => ({ ...about(clara), finding: new Uint8Array(13 * 32) })],
    // What fits together in nobody's signed word may have been put together by anybody.
    ['reveal_signature', () => ({ ...about(clara), blinding: word(1) })],
    ['reveal_signature', () => ({ ...about(clara), drawn: null })],
    ['commit_signature', () => ({ ...about(clara), commit: { ...about(clara).commit, signature: word2() } })],
    ['commit_signature', () => ({ ...commitOf(clara, word(1)), digest: word(2) })],
    ['statement_signature', () => ({ ...about(clara), statement: { ...about(clara).statement, anchor: word(1) } })],
  ])('by a document that it did not sign: %s', async (code, document) => {
    const { exposed, refused } = await compareFindings([document()]);
    expect([exposed, refused]).toEqual([[], [{ document: 0, code }]]);
  });

  it('by a commit without a finding, which is told', async () => {
    const { exposed, unshown } = await compareFindings([about(anna), commitOf(clara, sha256(word(1)))]);
    expect(exposed).toEqual([]);
    expect(unshown).toEqual([{ auditor: toHex(clara.auditor), leaf: toHex(word(6)) }]);
  });
});

function word2(): Uint8Array {
  return new Uint8Array(64).fill(1);
}
