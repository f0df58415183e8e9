import { describe, expect, it } from 'vitest';
import { ClientError } from '../../../client/errors.ts';
import {
  hasLevel,
  isResultLevels,
  joinEvidence,
  levelNames,
  levelState,
  levelsOf,
  noEvidence,
} from '../../../client/levels/index.ts';
import { usualLevelsPolicy } from '../../../client/levels/policy.ts';
import { requireAccepted, verifyArchive } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { policyFor } from '../../support/accept-answer.ts';
import { ANSWERED, publisher } from '../../support/answer.ts';
import { trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { createAuditor, findingOf, integerAnswer, judge, naming, policyOf, proofOf, ruled } from './evidence.ts';

const plain = integerAnswer();
const auditor = createAuditor();

describe('the levels of a result', () => {
  it('are all listed, and say what was not shown', async () => {
    const result = await judge(plain);
    expect(result.levels.map(({ level }) => level)).toEqual(levelNames);
    expect(levelNames.map((level) => ruled(result, level))).toEqual([
      'reached',
      'refused simulated_evidence',
      'not-reached policy_none',
      'not-reached policy_none',
      'not-reached evidence_missing',
    ]);
    expect(result.standing).toBe('undisputed');
    expect(isResultLevels(result)).toBe(true);
    expect(isResultLevels({ ...result })).toBe(false);
  });

  it('cost what the receipt says, and what else is known', async () => {
    const result = await judge(plain, {
      proofs: [proofOf()],
      circuitKeys: [trapdoorKeyBytes],
      costs: [{ level: 'proved', gas: 250_000n, seconds: 3 }],
    });
    expect(levelState(result, 'simulated')).toMatchObject({ cost: { fee: 5n, gas: 'unknown', seconds: 'unknown' } });
    expect(levelState(result, 'proved')).toMatchObject({ cost: { fee: 'unknown', gas: 250_000n, seconds: 3 } });
  });

  it('do not rest on hardware: a proof holds under an attestation that was refused', async () => {
    const result = await judge(plain, { proofs: [proofOf()], circuitKeys: [trapdoorKeyBytes] }, policyOf(), {
      operators: ['11'.repeat(20)],
    });
    expect(ruled(result, 'simulated')).toBe('refused operator_refused');
    expect(ruled(result, 'attested')).toBe('refused operator_refused');
    expect(ruled(result, 'proved')).toBe('reached');
  });

  it('stay undetermined where nobody dated an archive', async () => {
    const verdict = await verifyArchive(plain.archive, {
      policy: policyFor({ models: 'any' }),
      purpose: { kind: 'archive' },
      suite: nodeSuite,
      cache: 'none',
    });
    const { archive } = plain;
    const asked = { archive, publishers: [publisher], policy: policyOf(), suite: nodeSuite } as const;
    const result = await levelsOf({ ...asked, attestation: { kind: 'archive', verdict } }, noEvidence);
    expect(ruled(result, 'attested')).toBe('not-reached not_anchored');
  });

  it('are those of the call that gave the answer', async () => {
    const { archive } = plain;
    const policy = policyFor({ models: 'any' });
    const options = { policy, purpose: { kind: 'live', now: ANSWERED }, suite: nodeSuite, cache: 'none' } as const;
    const verdict = await verifyArchive(archive, options);
    if (verdict.verdict === 'undetermined') throw new Error('unexpected');
    const { receipt } = requireAccepted(verdict);
    const asked = { archive, publishers: [publisher], policy: policyOf(), suite: nodeSuite } as const;
    const result = await levelsOf({ ...asked, attestation: { kind: 'call', receipt } }, noEvidence);
    expect(ruled(result, 'simulated')).toBe('reached');
    const other = integerAnswer({ header: { requestId: new Uint8Array(32).fill(9) } });
    await expect(
      levelsOf({ ...asked, archive: other.archive, attestation: { kind: 'call', receipt } }, noEvidence),
    ).rejects.toMatchObject({ code: 'argument_invalid' });
    await expect(
      levelsOf({ ...asked, attestation: { kind: 'call', receipt: { ...receipt } as typeof receipt } }, noEvidence),
    ).rejects.toMatchObject({ code: 'argument_invalid' });
  });

  it('are not judged by an object that merely looks like a policy', async () => {
    const looks = { ...usualLevelsPolicy } as typeof usualLevelsPolicy;
    await expect(judge(plain, {}, looks)).rejects.toBeInstanceOf(ClientError);
  });

  it('take no heap of evidence', async () => {
    const proofs = Array.from({ length: 65 }, () => proofOf());
    await expect(judge(plain, { proofs })).rejects.toMatchObject({ code: 'argument_invalid' });
  });

  it('gain from evidence that comes later', () => {
    const finding = findingOf(auditor, plain);
    const joined = joinEvidence({ findings: [finding] }, { proofs: [proofOf()] }, { findings: [finding] });
    expect(joined.findings).toHaveLength(2);
    expect(joined.proofs).toHaveLength(1);
    expect(joined.approvals).toEqual([]);
  });
});

describe('a file whose parts are not of one receipt', () => {
  const evidence = { proofs: [proofOf()], circuitKeys: [trapdoorKeyBytes] };

  it('gains nothing from another request', async () => {
    const { request } = integerAnswer({ requestBody: new TextEncoder().encode('{"inputs":[]}') }).archive;
    const result = await judge({ ...plain, archive: { ...plain.archive, request } }, evidence);
    expect(ruled(result, 'proved')).toBe('refused contents_mismatch');
  });

  it('gains nothing from another answer', async () => {
    const { response } = integerAnswer({ response: { body: new TextEncoder().encode('{}') } }).archive;
    const result = await judge({ ...plain, archive: { ...plain.archive, response } }, evidence);
    expect(ruled(result, 'proved')).toBe('refused contents_mismatch');
  });

  it('gains nothing once its payload is deleted', async () => {
    const result = await judge({ ...plain, archive: { ...plain.archive, request: null } }, evidence);
    expect(ruled(result, 'attested')).toBe('not-reached payload_missing');
    expect(ruled(result, 'proved')).toBe('not-reached payload_missing');
  });

  it('gains nothing where there was no result', async () => {
    const result = await judge(integerAnswer({ receipt: { status: 2n, fee: 0n } }), evidence);
    expect(ruled(result, 'proved')).toBe('refused no_result');
  });

  it('gains nothing under another release', async () => {
    const { release } = integerAnswer({ manifest: { name: 'other' } });
    const result = await judge({ ...plain, archive: { ...plain.archive, release } }, evidence);
    expect(ruled(result, 'proved')).toBe('refused release_mismatch');
  });

  it('gains nothing from a publisher who is not accepted', async () => {
    const { archive } = plain;
    const policy = policyFor({ models: 'any' });
    const options = { policy, purpose: { kind: 'live', now: ANSWERED }, suite: nodeSuite, cache: 'none' } as const;
    const attestation = { kind: 'archive', verdict: await verifyArchive(archive, options) } as const;
    const asked = { archive, attestation, publishers: [], policy: policyOf(), suite: nodeSuite };
    expect(ruled(await levelsOf(asked, { ...noEvidence, ...evidence }), 'proved')).toBe('refused publisher_refused');
  });

  it('has no receipt to speak of where that is none', async () => {
    const archive = { ...plain.archive, receipt: new Uint8Array(416).fill(0xff) };
    await expect(judge({ ...plain, archive }, evidence)).rejects.toMatchObject({ code: 'argument_invalid' });
  });
});

describe('a dispute', () => {
  it('downgrades whatever else the result has, and names who disputes', async () => {
    const finding = findingOf(auditor, plain, { verdict: 2n, answer: new Uint8Array(32).fill(3) });
    const result = await judge(
      plain,
      { findings: [finding], proofs: [proofOf()], circuitKeys: [trapdoorKeyBytes] },
      policyOf(naming([auditor], 1)),
    );
    expect(result.standing).toBe('disputed');
    expect(result.disputes).toEqual([{ auditor: auditor.id, answer: new Uint8Array(32).fill(3) }]);
    expect(ruled(result, 'proved')).toBe('reached');
    expect(hasLevel(result, 'proved')).toBe(false);
    expect(hasLevel(result, 'simulated')).toBe(false);
  });

  it('by somebody whom the policy does not name changes nothing', async () => {
    const finding = findingOf(createAuditor(), plain, { verdict: 2n, answer: new Uint8Array(32).fill(3) });
    const result = await judge(plain, { findings: [finding] }, policyOf(naming([auditor], 1)));
    expect(result.standing).toBe('undisputed');
    expect(hasLevel(result, 'simulated')).toBe(true);
    expect(hasLevel(result, 'attested')).toBe(false);
  });
});
