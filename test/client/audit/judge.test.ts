import { describe, expect, it } from 'vitest';
import {
  judge,
  policyChoice,
  type Question,
  recognise,
  renderHtml,
  renderJson,
  surveyChoice,
  usualLevelsAsked,
} from '../../../client/audit/index.ts';
import { parseWorkerPolicy } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { ANSWERED, plain } from '../../support/answer.ts';
import { evidence } from '../../support/nitro-evidence.ts';
import { snpEvidence } from '../../support/snp-evidence.ts';

const snp = snpEvidence();
const given = policyChoice([parseWorkerPolicy(answerPolicy())], 'given');

const question: Omit<Question, 'suite'> = {
  tee: 'auto',
  chain: { certificates: snp.certificates, revocationLists: [] },
  policies: given,
  levels: usualLevelsAsked,
  purpose: { kind: 'live', now: ANSWERED },
  challenge: 'any',
  challengedAt: 'unknown',
  readAt: ANSWERED,
};

describe('an audit', () => {
  it.each<[string, Uint8Array, Omit<Question, 'suite'>]>([
    ['an archive', encodeArchive(plain.archive), question],
    ['an archive without anchors', encodeArchive(plain.archive), { ...question, purpose: { kind: 'archive' } }],
    ['a document', evidence(), { ...question, policies: surveyChoice([0]) }],
    ['a report', snp.report, { ...question, policies: surveyChoice([0]) }],
    ['garbage', new Uint8Array(40).fill(0x3c), question],
  ])('is the same to the byte with the primitives of browsers: %s', async (_, bytes, asked) => {
    const [node, web] = await Promise.all(
      [nodeSuite, webSuite].map(async (suite) => {
        const report = await judge(await recognise(bytes, { name: 'x', tee: 'auto', suite }), { ...asked, suite });
        return { json: renderJson(report), html: await renderHtml(report, suite) };
      }),
    );
    expect(web).toEqual(node);
  });

  it('is of the policy for the hardware that is found, or malformed', async () => {
    const ask = async (bytes: Uint8Array): Promise<string | null> =>
      (
        await judge(await recognise(bytes, { name: 'x', tee: 'auto', suite: nodeSuite }), {
          ...question,
          suite: nodeSuite,
        })
      ).code;
    expect(await ask(encodeArchive(plain.archive))).toBe(null);
    expect(await ask(snp.report)).toBe('tee_mismatch');
  });
});
