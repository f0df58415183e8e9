import { checklist, isMissed, loadForRemoval, removeCheck } from './removal.ts';
import { backed } from './removal-table.ts';

/** Prints, for every check of the verifier, the evidence that passes once the check is gone. */
const verifier = await loadForRemoval();
let unmissed = 0;
for (const tee of ['aws-nitro', 'amd-sev-snp'] as const) {
  for (const id of await checklist(verifier, tee)) {
    const report = await removeCheck(verifier, tee, id);
    if (!isMissed(report)) unmissed++;
    const behind = backed[tee][id];
    const note =
      behind === undefined ? '' : `; ${report.bare} without ${behind.by.join(' and ')} too, since ${behind.reason}`;
    console.log(`${tee} ${id.padEnd(22)} ${report.witness ?? '-'}: ${report.alone}${note}`);
  }
}
console.log(unmissed === 0 ? 'every check is missed when it is gone' : `${unmissed} checks are missed by no case`);
process.exitCode = unmissed === 0 ? 0 : 1;
