import type { Chain } from '../../../contracts/tools/anvil.ts';
import { CHAIN } from '../../vectors/corpus/base.ts';
import { filler } from '../../vectors/golden/keys.ts';
import { registryWorld } from '../support/registry-world.ts';
import { gasOf, type Measured } from './measurement.ts';

/** Root and leaf are no authorities that a verifier remembers. */
const AUTHORITIES = CHAIN.length - 2;

/** First registrations by evidence of the simulator, on a chain of its own: evidence has dates. */
export async function measureRegistry({ hardfork }: Chain): Promise<Measured> {
  const world = await registryWorld({ hardfork });
  try {
    const nitro = { tee: 'aws-nitro' } as const;
    const cold = gasOf(await world.register(await world.registration(nitro)));
    const second = world.identity({ sealKey: filler('a second worker') });
    const request = { ...nitro, identity: second, known: AUTHORITIES };
    const warm = gasOf(await world.register(await world.registration(request)));
    const third = world.identity({ sealKey: filler('a third worker') });
    const snp = gasOf(await world.register(await world.registration({ tee: 'amd-sev-snp', identity: third })));
    return {
      'nitro.register.cold.simulated': cold,
      'nitro.register.warm.simulated': warm,
      'snp.register.simulated': snp,
    };
  } finally {
    await world.chain.stop();
  }
}
