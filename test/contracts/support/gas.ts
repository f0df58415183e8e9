import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../../../contracts/snapshots/gas.json', import.meta.url);

/** Flat keys, such as osaka.p384.verify, so that a change is one line of a review. */
type Snapshot = Record<string, number>;

/**
 * What the committed snapshot says about `key`. With PROOFMARK_GAS=write the measured figure is written first: whoever
 * changes a contract commits what it costs now.
 */
export function snapshotOf(key: string, measured: number): number | undefined {
  const snapshot = read();
  if (process.env['PROOFMARK_GAS'] !== 'write') return snapshot[key];
  snapshot[key] = measured;
  const sorted = Object.fromEntries(Object.entries(snapshot).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
  return measured;
}

function read(): Snapshot {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
