import { describe, expect, it } from 'vitest';
import { levelState } from '../../../client/levels/index.ts';
import { findingVerdict } from '../../../wire/message/finding.ts';
import { approvalOf, createAuditor, findingOf, integerAnswer, judge, naming, policyOf, ruled } from './evidence.ts';

const plain = integerAnswer();
const [a, b, stranger] = [createAuditor(), createAuditor(), createAuditor()];
const two = policyOf(naming([a, b], 2));
const one = policyOf(naming([a, b], 1));
const zeros = new Uint8Array(32);
const other = new Uint8Array(32).fill(9);

describe('replayed', () => {
  it('is reached by enough of the named auditors, who are named', async () => {
    const result = await judge(plain, { approvals: [approvalOf(a, plain)], findings: [findingOf(b, plain)] }, two);
    expect(ruled(result, 'replayed')).toBe('reached');
    const state = levelState(result, 'replayed');
    expect(state.state === 'reached' && state.by).toHaveLength(2);
  });

  it('counts one auditor once, in whatever form and however often', async () => {
    const approvals = [approvalOf(a, plain), approvalOf(a, plain, { chainId: 31_337n })];
    const result = await judge(plain, { approvals, findings: [findingOf(a, plain)] }, two);
    expect(ruled(result, 'replayed')).toBe('not-reached auditors_few');
  });

  it('is not reached where nothing is shown, or nobody is named', async () => {
    expect(ruled(await judge(plain, {}, one), 'replayed')).toBe('not-reached evidence_missing');
    const approvals = [approvalOf(a, plain)];
    expect(ruled(await judge(plain, { approvals }), 'replayed')).toBe('not-reached policy_none');
  });

  it('leaves out what does not count beside what does', async () => {
    const approvals = [approvalOf(stranger, plain), approvalOf(a, plain)];
    const state = levelState(await judge(plain, { approvals }, one), 'replayed');
    expect(state.state).toBe('reached');
    expect(state.leftOut).toMatchObject([{ what: 'approval', code: 'auditor_unnamed' }]);
  });

  it.each([
    ['escrow', { escrow: other }],
    ['log', { log: other }],
    ['model', { modelId: other }],
    ['input', { inputHash: other }],
    ['output', { outputHash: other }],
    ['execution', { execution: other }],
  ])('refuses an approval of another %s', async (_, changes) => {
    const result = await judge(plain, { approvals: [approvalOf(a, plain, changes)] }, one);
    expect(ruled(result, 'replayed')).toBe('refused approval_of_another');
  });

  it('refuses what the named auditor did not sign', async () => {
    const { words, signature } = approvalOf(stranger, plain);
    const approvals = [{ key: a.id, words, signature }];
    expect(ruled(await judge(plain, { approvals }, one), 'replayed')).toBe('refused auditor_signature');
    const findings = [{ ...findingOf(a, plain), signature: findingOf(b, plain).signature }];
    expect(ruled(await judge(plain, { findings }, one), 'replayed')).toBe('refused auditor_signature');
  });

  it('refuses a signature in another spelling', async () => {
    const approval = approvalOf(a, plain);
    const approvals = [{ ...approval, signature: new Uint8Array(64).fill(0xff) }];
    expect(ruled(await judge(plain, { approvals }, one), 'replayed')).toBe('refused auditor_signature');
  });

  it('refuses words that are none', async () => {
    const approvals = [{ ...approvalOf(a, plain), words: new Uint8Array(288) }];
    expect(ruled(await judge(plain, { approvals }, one), 'replayed')).toBe('refused auditor_words');
    const findings = [{ ...findingOf(a, plain), finding: new Uint8Array(12) }];
    expect(ruled(await judge(plain, { findings }, one), 'replayed')).toBe('refused auditor_words');
  });

  it.each([
    ['leaf', { leaf: other }],
    ['log', { log: other }],
    ['index', { index: 4n }],
  ])('refuses a finding about another %s', async (_, changes) => {
    const result = await judge(plain, { findings: [findingOf(a, plain, changes)] }, one);
    expect(ruled(result, 'replayed')).toBe('refused finding_of_another');
  });

  it('refuses findings that contradict themselves, for and against', async () => {
    const same = findingOf(a, plain, { answer: other });
    expect(ruled(await judge(plain, { findings: [same] }, one), 'replayed')).toBe('refused finding_contradicts');
    const against = findingOf(a, plain, { verdict: findingVerdict.other });
    const result = await judge(plain, { findings: [against] }, one);
    expect(ruled(result, 'replayed')).toBe('refused finding_contradicts');
    expect(result.standing).toBe('undisputed');
  });

  it('takes a finding of nothing for nothing', async () => {
    const missing = findingOf(a, plain, { verdict: findingVerdict.missing, answer: zeros, intermediates: zeros });
    expect(ruled(await judge(plain, { findings: [missing] }, one), 'replayed')).toBe('refused finding_no_verdict');
    const elsewhere = findingOf(a, plain, { verdict: findingVerdict.unreplayable });
    expect(ruled(await judge(plain, { findings: [elsewhere] }, one), 'replayed')).toBe('refused finding_no_verdict');
  });

  it('is refused once one of them has other bits, even where enough have the same', async () => {
    const findings = [findingOf(b, plain, { verdict: findingVerdict.other, answer: other })];
    const result = await judge(plain, { approvals: [approvalOf(a, plain)], findings }, one);
    expect(ruled(result, 'replayed')).toBe('refused disputed');
    expect(result.disputes.map(({ auditor }) => auditor)).toEqual([b.id]);
  });
});
