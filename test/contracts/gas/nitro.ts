import { proveNitroDocument } from '../../../contracts/prover/nitro/index.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { hasRealEvidence, realBytes, realNitroCases } from '../../support/real-evidence.ts';
import { deployNitro, rootOfDocument } from '../support/nitro.ts';
import { gasOf, type Measured } from './measurement.ts';

/**
 * One of AWS's own documents, whole transactions: nothing known (five signatures), the three CAs known, and the leaf
 * known as well. It is of 2022, so that it needs a chain with a clock of its own.
 */
export async function measureNitro({ hardfork }: Chain): Promise<Measured> {
  const found = realNitroCases().find(({ expect }) => expect === 'valid');
  const keys = ['nitro.verify.cold.real', 'nitro.verify.warm.real', 'nitro.verify.hot.real'] as const;
  if (!hasRealEvidence || found === undefined) return Object.fromEntries(keys.map((key) => [key, null]));
  const document = realBytes(found.file);
  const now = Date.parse(found.at);
  const chain = await startChain({ hardfork, timestamp: now / 1000 - 3_600 });
  try {
    const { send } = await deployNitro(chain, rootOfDocument(document), now);
    const spent = async (known: number): Promise<number> =>
      gasOf(await send('verify', document, await proveNitroDocument(document, { known })));
    const [cold, warm] = [await spent(0), await spent(3)];
    gasOf(await send('remember', document, await proveNitroDocument(document, { known: 3 })));
    const hot = await spent(4);
    return { [keys[0]]: cold, [keys[1]]: warm, [keys[2]]: hot };
  } finally {
    await chain.stop();
  }
}
