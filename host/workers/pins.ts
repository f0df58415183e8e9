import { toHex } from '../../wire/bytes.ts';
import type { Release } from '../releases.ts';

/** The operator's word that a release stays at certain workers: it is loaded there first, and leaves for nobody. */
export interface Pin {
  /** A release's name, its name and version joined by an at sign, or its modelId in hex. */
  readonly model: string;
  /** By their place among the links. */
  readonly workers: readonly number[];
}

/** Whether a release may be at a worker, and whether it must. A release that is pinned somewhere is nowhere else. */
export type Standing = 'pinned' | 'allowed' | 'elsewhere';

export function standingAt(pins: readonly Pin[], release: Release, worker: number): Standing {
  const own = pins.filter(({ model }) => isNamed(release, model));
  if (own.length === 0) return 'allowed';
  return own.some(({ workers }) => workers.includes(worker)) ? 'pinned' : 'elsewhere';
}

function isNamed({ modelId, manifest: { name, version } }: Release, model: string): boolean {
  return model === name || model === `${name}@${version}` || model === toHex(modelId);
}
