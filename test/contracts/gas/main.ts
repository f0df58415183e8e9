import { writeFileSync } from 'node:fs';
import { peers } from './peers.ts';
import { gasReport } from './report.ts';
import { committedSnapshot, REPORT, SNAPSHOT, snapshotText, takeSnapshot } from './snapshot.ts';

const before = committedSnapshot();
const { snapshot, kept } = await takeSnapshot();
writeFileSync(SNAPSHOT, snapshotText(snapshot));
writeFileSync(REPORT, gasReport(snapshot));

const number = (gas: number): string => gas.toLocaleString('en-US');
for (const [name, gas] of Object.entries(snapshot)) {
  const was = before[name];
  const changed = was === undefined || was === gas ? '' : `  was ${number(was)}`;
  const peer = peers[name];
  const next = peer === undefined ? '' : `  ${(peer.gas / gas).toFixed(1)}x below ${number(peer.gas)} (${peer.of})`;
  console.log(`${name.padEnd(36)} ${number(gas).padStart(12)}${changed}${next}`);
}
for (const name of kept) console.log(`${name}: not measured here, the committed figure stands`);
