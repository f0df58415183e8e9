import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { createSnpRoot, type SnpRoot } from '../../enclave/simulator/snp/authority.ts';
import type { Product } from '../../enclave/simulator/snp/product.ts';
import { generateRsa4096, rsaSigningKey } from '../../enclave/simulator/snp/rsa.ts';

/**
 * A machine's simulated AMD authorities where the simulator keeps them. One key has all three roles, because making an
 * RSA-4096 key takes seconds.
 */
export async function installSnpRoot(stateDirectory: string, product: Product = 'Genoa'): Promise<SnpRoot> {
  const privateKey = await generateRsa4096();
  const key = rsaSigningKey(privateKey);
  const root = createSnpRoot({
    product,
    now: Date.now(),
    keys: { ark: key, ask: key, asvk: key },
    chance: systemChance,
  });
  const directory = join(stateDirectory, `simulated-snp-root-${product.toLowerCase()}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const role of ['ark', 'ask', 'asvk'] as const) {
    await writeFile(join(directory, `${role}.key.pem`), pem, { mode: 0o600 });
    await writeFile(join(directory, `${role}.der`), root[role].certificate, { mode: 0o600 });
  }
  return root;
}
