import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defaultInputStore, missingInputs } from '../../enclave/image/inputs.ts';
import { CommandError } from '../exit-codes.ts';
import { buildFromCheckout, committedLockPath, readLock, requireCheckout } from '../image/checkout.ts';

/** What `up --tier vm` boots, and where this machine's verdict about KVM is kept. */
export interface MachineFiles {
  readonly eif: string;
  readonly cacheFolder: string;
}

/**
 * Builds the image for emulated machines from the committed lock and the sources as they are now; it is not kept from
 * one run to the next, because building takes a second and a stale image would run other code than the checkout shows.
 */
export async function buildMachineImage(folder: string): Promise<MachineFiles> {
  const checkout = requireCheckout();
  const store = defaultInputStore(process.env);
  const lock = await readLock(committedLockPath(checkout, 'vm'));
  const missing = await missingInputs(store, lock);
  if (missing.length > 0) {
    const some = missing.slice(0, 3).map(({ recipe: { name } }) => name);
    const lacking = `${missing.length} inputs of the image are not on this machine (${some.join(', ')}, ...)`;
    throw new CommandError(`${lacking}: run \`proofmark image fetch --flavour vm\` once`);
  }
  const { image } = await buildFromCheckout(checkout, { lock, variant: 'production', store });
  const eif = join(folder, 'vm.eif');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(`${eif}.${process.pid}`, image.eif);
  await rename(`${eif}.${process.pid}`, eif);
  return { eif, cacheFolder: dirname(store.folder) };
}
