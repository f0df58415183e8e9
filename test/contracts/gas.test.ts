import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gasReport, nitroGasPerDay } from './gas/report.ts';
import { committedSnapshot, REPORT, SNAPSHOT, snapshotText, takeSnapshot } from './gas/snapshot.ts';

/** DESIGN 8 and the figures that we promise, under Osaka's rules. */
const promised: Readonly<Record<string, number>> = {
  'osaka.nitro.register.cold.simulated': 6_500_000,
  'osaka.nitro.register.warm.simulated': 3_200_000,
  'osaka.nitro.verify.cold.real': 6_500_000,
  'osaka.nitro.verify.warm.real': 3_200_000,
  'osaka.nitro.verify.hot.real': 2_100_000,
  'osaka.p384.verify': 750_000,
  'osaka.sha384.block': 30_000,
  'osaka.snp.verify.real': 1_600_000,
  'osaka.recomputed.verify.16-32-8-2': 120_000,
  'osaka.proved.verify.16-32-8-1': 240_000,
  'osaka.proved.verify.784-32-10': 300_000,
  'osaka.settlement.postHead': 70_000,
  'osaka.settlement.claim': 120_000,
};

describe('gas', () => {
  it('is what contracts/snapshots/gas.json says, to the last unit (`make gas` writes it)', {
    timeout: 300_000,
  }, async () => {
    const { snapshot, kept } = await takeSnapshot();
    for (const name of kept) console.log(`not measured here: ${name}`);
    expect(snapshot).toEqual(committedSnapshot());
  });

  it('has one key a line in order, and only whole numbers', () => {
    const snapshot = committedSnapshot();
    const sorted = Object.fromEntries(Object.entries(snapshot).sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(readFileSync(SNAPSHOT, 'utf8')).toBe(snapshotText(sorted));
    expect(Object.values(snapshot).filter((gas) => !Number.isInteger(gas))).toEqual([]);
  });

  it('is what docs/gas.md prints', () => {
    expect(readFileSync(REPORT, 'utf8')).toBe(gasReport(committedSnapshot()));
  });

  it('of a day counts each authority that was replaced since the last registration', () => {
    const [hour, day] = [3_600, 86_400];
    // Every day's first registration below a new instance authority, and shares of the two that live longer.
    expect(nitroGasPerDay(day, 5_000, 2_000)).toBe(2_000 + Math.round(1_000 * (1 + 1 / 6 + 1 / 20)));
    expect(nitroGasPerDay(3 * hour, 5_000, 2_000)).toBe(Math.round(16_000 + 1_000 * (1 + 1 / 6 + 1 / 20)));
    // After 30 days all three are new: as cold as a first one.
    expect(nitroGasPerDay(30 * day, 5_000, 2_000)).toBe(Math.round(5_000 / 30));
  });

  it.each(Object.entries(promised))('%s is at most %i', (name, limit) => {
    expect(committedSnapshot()[name]).toBeLessThanOrEqual(limit);
  });
});
