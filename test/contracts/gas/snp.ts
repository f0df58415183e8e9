import type { Chain } from '../../../contracts/tools/anvil.ts';
import { realSnpCases } from '../../support/real-evidence.ts';
import { deploySnp } from '../support/snp.ts';
import { realSnpProof, realSnpRoots, secondsOf } from '../support/snp-real.ts';
import { gasOf, type Measured } from './measurement.ts';

const MEASURED = 'snp-genoa-v5-siena';

/**
 * A real report of version 5 by a chip's key, calldata and all: with AMD's intermediate certificate seen for the first
 * time, and then known. `null` where the real reports are not beside the repository.
 */
export async function measureSnp(chain: Chain): Promise<Measured> {
  const real = realSnpCases().find(({ id }) => id === MEASURED);
  if (real === undefined) return { 'snp.verify.cold.real': null, 'snp.verify.real': null };
  const world = await deploySnp(chain, realSnpRoots());
  await chain.rpc('evm_setTime', [secondsOf(real)]);
  const proof = realSnpProof(real);
  return {
    'snp.verify.cold.real': gasOf(await world.send(proof, { name: 'verify' })),
    'snp.verify.real': gasOf(await world.send(proof, { name: 'verify' })),
  };
}
