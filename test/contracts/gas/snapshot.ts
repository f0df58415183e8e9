import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChain } from '../../../contracts/tools/anvil.ts';
import { CONTRACTS } from '../../../contracts/tools/foundry.ts';
import { measureRsaPss, measureSha384 } from './hash.ts';
import { hardforks, type Measurement } from './measurement.ts';
import { measureNitro } from './nitro.ts';
import { measureP384 } from './p384.ts';
import { measureRecomputed } from './recomputed.ts';
import { measureRegistry } from './registry.ts';
import { measureSettlement } from './settlement.ts';
import { measureSnp } from './snp.ts';
import { measureSpectrum } from './spectrum.ts';

export const SNAPSHOT: string = join(CONTRACTS, 'snapshots/gas.json');
export const REPORT: string = join(CONTRACTS, '../docs/gas.md');

/** Everything that `contracts/snapshots/gas.json` holds, each measured on a chain of its own. */
const measurements: readonly Measurement[] = [
  measureSha384,
  measureRsaPss,
  measureP384,
  measureNitro,
  measureRegistry,
  measureSettlement,
  measureSnp,
  measureRecomputed,
  measureSpectrum,
];

export type Snapshot = Readonly<Record<string, number>>;

export interface Taken {
  readonly snapshot: Snapshot;
  /** Keys that keep their committed figure, because this machine lacks what they measure. */
  readonly kept: readonly string[];
}

export async function takeSnapshot(): Promise<Taken> {
  const before = committedSnapshot();
  const entries: [string, number][] = [];
  const kept: string[] = [];
  for (const hardfork of hardforks) {
    for (const measure of measurements) {
      const chain = await startChain({ hardfork });
      try {
        for (const [key, gas] of Object.entries(await measure(chain))) {
          const name = `${hardfork}.${key}`;
          if (gas === null) kept.push(name);
          const figure = gas ?? before[name];
          if (figure !== undefined) entries.push([name, figure]);
        }
      } finally {
        await chain.stop();
      }
    }
  }
  return { snapshot: Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))), kept };
}

export function committedSnapshot(): Snapshot {
  return existsSync(SNAPSHOT) ? (JSON.parse(readFileSync(SNAPSHOT, 'utf8')) as Snapshot) : {};
}

/** One key a line, in order: a change of gas is one changed line in review. */
export function snapshotText(snapshot: Snapshot): string {
  return `${JSON.stringify(snapshot, null, 2)}\n`;
}
