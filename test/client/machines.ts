import { createRoot } from '../../enclave/simulator/authority.ts';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { createSnpRoot, makeSnpAuthority } from '../../enclave/simulator/snp/authority.ts';
import { snpKeys } from '../vectors/corpus/snp/keys.ts';

/** The hardware of the client's tests: one of each kind, and one image on each. */
export const START: number = Date.UTC(2026, 10, 21, 12);
const HOUR = 3_600_000;

export const image: Readonly<Record<'pcr0' | 'pcr1' | 'pcr2', Uint8Array>> = {
  pcr0: new Uint8Array(48).fill(1),
  pcr1: new Uint8Array(48).fill(2),
  pcr2: new Uint8Array(48).fill(3),
};

export const root: ReturnType<typeof createRoot> = createRoot({
  now: START - HOUR,
  key: systemChance.key(),
  chance: systemChance,
});

/** The same worker on the other hardware: RSA keys take seconds to make, so that published ones sign. */
export const machine: ReturnType<typeof makeSnpAuthority> = makeSnpAuthority({
  root: createSnpRoot({ product: 'Genoa', now: START - HOUR, keys: snpKeys, chance: systemChance }),
  signer: 'vcek',
  now: START - HOUR,
  chance: systemChance,
});
export const measurement: Uint8Array = new Uint8Array(48).fill(4);
