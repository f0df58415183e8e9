import type { Chain } from '../../../contracts/tools/anvil.ts';
import { deployP384, proven, randomSignatures } from '../support/p384.ts';
import { gasOf, type Measured } from './measurement.ts';

const SIGNATURES = 10;

/** The average of some fixed signatures, each in a transaction of its own with its calldata: hints differ in length. */
export async function measureP384(chain: Chain): Promise<Measured> {
  const verifier = await deployP384(chain);
  let sum = 0;
  for (const signature of randomSignatures('gas', SIGNATURES)) {
    const { statement, hints } = proven(signature);
    sum += gasOf(await chain.send({ to: verifier.address, data: verifier.callData(statement, hints) }));
  }
  return { 'p384.verify': Math.round(sum / SIGNATURES) };
}
