import { describe, expect, it } from 'vitest';
import { levelState } from '../../../client/levels/index.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeCircuitKey } from '../../../wire/message/circuit-key.ts';
import { encodeProof } from '../../../wire/message/proof.ts';
import { forgedProof, trapdoorKey, trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { commitment, integerAnswer, judge, policyOf, proofOf, ruled } from './evidence.ts';

const plain = integerAnswer();
const proved = { proofs: [proofOf()], circuitKeys: [trapdoorKeyBytes] };

describe('proved', () => {
  it('is reached by a proof of the release’s circuit about the receipt’s commitment, and names the setup', async () => {
    const state = levelState(await judge(plain, proved), 'proved');
    expect(state.state === 'reached' && state.by[0]).toContain('ceremony (3 and 2 contributions)');
  });

  it('is not reached without proof, key, circuit, or a policy that wants one', async () => {
    expect(ruled(await judge(plain, { ...proved, proofs: [] }), 'proved')).toBe('not-reached evidence_missing');
    expect(ruled(await judge(plain, { ...proved, circuitKeys: [] }), 'proved')).toBe('not-reached key_missing');
    const none = integerAnswer({ manifest: { circuit: null }, receipt: { commitment: new Uint8Array(32) } });
    expect(ruled(await judge(none, proved), 'proved')).toBe('not-reached circuit_none');
    expect(ruled(await judge(plain, proved, policyOf({ setups: 'none' })), 'proved')).toBe('not-reached policy_none');
  });

  it('refuses another circuit’s key', async () => {
    const other = encodeCircuitKey({ ...trapdoorKey, phase1: 9 });
    const result = await judge(plain, { ...proved, circuitKeys: [other] });
    expect(ruled(result, 'proved')).toBe('refused circuit_of_another');
    const both = await judge(plain, { ...proved, circuitKeys: [other, trapdoorKeyBytes] });
    expect(levelState(both, 'proved')).toMatchObject({ state: 'reached', leftOut: [{ code: 'circuit_of_another' }] });
  });

  it('refuses a key that is none, though the release names it', async () => {
    const broken = utf8('no key');
    const named = integerAnswer({ manifest: { circuit: sha256(broken) } });
    expect(ruled(await judge(named, { ...proved, circuitKeys: [broken] }), 'proved')).toBe('refused key_malformed');
  });

  it('refuses a dev setup unless the policy says so, and then says so', async () => {
    const dev = encodeCircuitKey({ ...trapdoorKey, phase2: 1 });
    const named = integerAnswer({ manifest: { circuit: sha256(dev) } });
    const proofs = [encodeProof(forgedProof([BigInt(`0x${Buffer.from(commitment).toString('hex')}`), 0n, 0n], dev))];
    const evidence = { proofs, circuitKeys: [dev] };
    expect(ruled(await judge(named, evidence), 'proved')).toBe('refused setup_refused');
    const state = levelState(await judge(named, evidence, policyOf({ setups: 'dev-too' })), 'proved');
    expect(state.state === 'reached' && state.by[0]).toContain('dev setup');
  });

  it('refuses a proof about another receipt', async () => {
    const proofs = [proofOf(new Uint8Array(32).fill(1))];
    expect(ruled(await judge(plain, { ...proved, proofs }), 'proved')).toBe('refused commitment_of_another');
  });

  it('refuses a proof that does not hold, and one that is none', async () => {
    const wrong = encodeProof({ ...forgedProof([1n, 0n, 0n]), commitment });
    expect(ruled(await judge(plain, { ...proved, proofs: [wrong] }), 'proved')).toBe('refused proof_refused');
    expect(ruled(await judge(plain, { ...proved, proofs: [utf8('{}')] }), 'proved')).toBe('refused proof_malformed');
    const state = levelState(await judge(plain, { ...proved, proofs: [wrong, proofOf()] }), 'proved');
    expect(state).toMatchObject({ state: 'reached', leftOut: [{ what: 'proof', code: 'proof_refused' }] });
  });

  it('refuses a receipt that commits to nothing, or to something else than its answer', async () => {
    const nothing = integerAnswer({ receipt: { commitment: new Uint8Array(32) } });
    expect(ruled(await judge(nothing, proved), 'proved')).toBe('refused commitment_none');
    const wrong = new Uint8Array(32).fill(1);
    const other = integerAnswer({ receipt: { commitment: wrong } });
    const proofs = [proofOf(wrong)];
    expect(ruled(await judge(other, { ...proved, proofs }), 'proved')).toBe('refused commitment_contradicts');
  });
});

describe('recomputed', () => {
  const here = { by: 'this-machine', where: 'a test', outputs: [[10n]] } as const;
  const mine = policyOf({ recomputations: 'this-machine' });

  it('is reached by the same integers', async () => {
    const result = await judge(plain, { recomputations: [here] }, mine);
    expect(levelState(result, 'recomputed')).toMatchObject({ state: 'reached', by: ['this machine: a test'] });
    const chain = { ...here, by: 'chain', where: '31337:0x00' } as const;
    const any = await judge(plain, { recomputations: [chain] }, policyOf({ recomputations: 'any' }));
    expect(levelState(any, 'recomputed')).toMatchObject({ state: 'reached', by: ['chain: 31337:0x00'] });
  });

  it('is refused by other integers, even beside the same', async () => {
    for (const outputs of [[[11n]], [[10n, 0n]], [], [[10n], [10n]]]) {
      const result = await judge(plain, { recomputations: [here, { ...here, outputs }] }, mine);
      expect(ruled(result, 'recomputed')).toBe('refused other_values');
    }
  });

  it('is not reached by whom the policy does not accept', async () => {
    const chain = { ...here, by: 'chain' } as const;
    const result = await judge(plain, { recomputations: [chain] }, mine);
    expect(ruled(result, 'recomputed')).toBe('refused recomputation_unwanted');
    expect(ruled(await judge(plain, {}, mine), 'recomputed')).toBe('not-reached evidence_missing');
    expect(ruled(await judge(plain, { recomputations: [here] }), 'recomputed')).toBe('not-reached policy_none');
  });

  it('is for integers only', async () => {
    const floats = integerAnswer({
      manifest: { outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 1] }], circuit: null },
      receipt: { commitment: new Uint8Array(32) },
    });
    const result = await judge(floats, { recomputations: [here] }, mine);
    expect(ruled(result, 'recomputed')).toBe('refused not_integers');
  });
});
