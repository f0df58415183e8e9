import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { committedSnapshot, SNAPSHOT, snapshotText, takeSnapshot } from './gas/snapshot.ts';

/** DESIGN 8 and the figures that we promise, under Osaka's rules. */
const promised: Readonly<Record<string, number>> = {
  'osaka.p384.verify': 750_000,
  'osaka.sha384.block': 30_000,
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

  it.each(Object.entries(promised))('%s is at most %i', (name, limit) => {
    expect(committedSnapshot()[name]).toBeLessThanOrEqual(limit);
  });
});
