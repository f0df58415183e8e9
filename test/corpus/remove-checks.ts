import { backed, checklist, isMissed, loadForRemoval, removeCheck } from './removal.ts';

/** Prints, for every check of the verifier, the evidence that passes once the check is gone. */
const verifier = await loadForRemoval();
let unmissed = 0;
for (const id of await checklist(verifier)) {
  const report = await removeCheck(verifier, id);
  if (!isMissed(report)) unmissed++;
  const behind = backed[id];
  const note =
    behind === undefined ? '' : `; ${report.bare} without ${behind.by.join(' and ')} too, since ${behind.reason}`;
  console.log(`${id.padEnd(16)} ${report.witness ?? '-'}: ${report.alone}${note}`);
}
console.log(unmissed === 0 ? 'every check is missed when it is gone' : `${unmissed} checks are missed by no case`);
process.exitCode = unmissed === 0 ? 0 : 1;
