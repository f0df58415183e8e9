import { type Address, encodeFunctionData } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRealEvidence, type RealSnpCase, realSnpCases } from '../support/real-evidence.ts';
import { realSnpEvidence, realSnpPolicy, verifyReal } from '../support/real-snp.ts';
import { snpRoot } from '../support/snp-certificates.ts';
import { snpGuestPolicyJson, snpPlatformJson } from '../support/snp-evidence.ts';
import { rulingOf, type SnpWorld, snpProof, snpWorld } from './support/snp.ts';
import { expectedEvidence, expectedReport, rawTcbs } from './support/snp-facts.ts';
import { realSnpProof, realSnpRoots, secondsOf } from './support/snp-real.ts';

const title = 'SevSnpVerifier on real reports (skipped where ../shared/vectors is absent)';
describe.skipIf(!hasRealEvidence)(title, () => {
  let world: SnpWorld;

  beforeAll(async () => {
    world = await snpWorld(realSnpRoots(), Date.UTC(2025, 5, 1) / 1000);
  }, 120_000);

  afterAll(() => world?.chain.stop());

  /** Refuses what the contract refuses, and no more. */
  const policy = (): ReturnType<typeof realSnpPolicy> =>
    realSnpPolicy({
      vmpl: [0, 1, 2, 3],
      guestPolicy: snpGuestPolicyJson({ migrationAgent: 'allow' }),
      platform: snpPlatformJson({ aliasCheckComplete: 'any', unknownBits: 'ignore' }),
    });

  it('is no simulation where every root is of AMD, and is one where a single root is not', async () => {
    const simulated = async (at: Address): Promise<boolean> => {
      const data = encodeFunctionData({ abi: world.verifier.abi, functionName: 'SIMULATED' });
      return BigInt(await world.chain.call({ to: at, data })) === 1n;
    };
    const roots = realSnpRoots();
    expect(await simulated(world.address)).toBe(false);
    expect(await simulated(await world.deploy(roots.slice(0, 1)))).toBe(false);
    expect(await simulated(await world.deploy([...roots, snpRoot('Genoa')]))).toBe(true);
  });

  it('takes at most 1.6 M gas, and less than 2.4 M with the intermediate seen for the first time', async () => {
    const real = realSnpCases().find(({ id }) => id === 'snp-milan-v2-virtee');
    const proof = realSnpProof(real as RealSnpCase);
    const cold = await world.send(proof, { name: 'verify' });
    const warm = await world.send(proof, { name: 'verify' });
    expect([cold.status, warm.status]).toEqual(['success', 'success']);
    expect(cold.gasUsed).toBeLessThan(2_400_000n);
    expect(warm.gasUsed).toBeLessThan(1_600_000n);
  });

  it.each(realSnpCases())('$id: the same verdict and the same facts', { timeout: 60_000 }, async (real) => {
    const verdict = await verifyReal(real, { policy: policy() });
    const time = secondsOf(real);
    const proof = realSnpProof(real);
    const report = await world.ask(proof, { time });
    if (verdict.verdict !== 'accepted') {
      expect(rulingOf(report)).toBe(verdict.code);
      return;
    }
    const evidence = await world.ask(proof, { time, name: 'verify' });
    const facts = verdict.proven;
    const bytes = realSnpEvidence(real).report;
    const chipId = bytes.slice(0x1a0, 0x1e0);
    expect(report).toEqual({ facts: expectedReport(facts, rawTcbs(bytes), chipId) });
    expect(evidence).toEqual({ facts: expectedEvidence(facts, rawTcbs(bytes), chipId) });
    // What the prover makes of the evidence is the same.
    expect(await snpProof(realSnpEvidence(real))).toEqual(proof);
  });
});
