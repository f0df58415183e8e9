import { join } from 'node:path';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { processTier } from '../../enclave/simulator/process-tier.ts';
import type { Tier } from '../../enclave/simulator/tier.ts';
import { emulatorPlaces, findEmulator } from '../../enclave/simulator/vm/emulator.ts';
import { vmTier } from '../../enclave/simulator/vm/vm-tier.ts';
import { UsageError } from '../exit-codes.ts';
import { buildMachineImage } from './machine-image.ts';
import { workerFiles } from './worker-files.ts';

/** Where the worker runs on this machine (DESIGN section 9). */
export type TierName = 'sim-process' | 'sim-vm';

export interface ChosenTier {
  readonly tier: Tier;
  /** From the worker's start until it has its configuration and its models. */
  readonly readyMs: number;
}

/** Refuses what no machine, or not this one, can start: asked before anything is made or started for it. */
export function requireTier(name: TierName, platform: Platform): void {
  if (name === 'sim-vm') roleInMachine(platform);
}

function roleInMachine(platform: Platform): string | null {
  if (platform.tee !== 'aws-nitro')
    throw new UsageError('the machine of --tier vm has a Nitro device: --tee aws-nitro');
  findEmulator(emulatorPlaces);
  return platform.role;
}

export async function openTier(
  name: TierName,
  options: { readonly stateDirectory: string; readonly platform: Platform },
): Promise<ChosenTier> {
  const { stateDirectory, platform } = options;
  if (name === 'sim-process') {
    const app = await workerFiles(join(stateDirectory, 'worker'));
    return { tier: processTier({ node: process.execPath, app, platform }), readyMs: 90_000 };
  }
  // Before an image is built for nothing.
  const role = roleInMachine(platform);
  const { eif, cacheFolder } = await buildMachineImage(join(stateDirectory, 'image'));
  const tier = vmTier({ eif, role, acceleration: { try: cacheFolder } });
  return { tier, readyMs: 120_000 };
}
