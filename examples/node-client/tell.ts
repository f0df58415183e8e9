import type { Proof } from 'proofmark/client';
import { toHex } from 'proofmark/wire';

/** What was proven of an answer, and everything that was not: the second list is as long as it has to be. */
export function tell({
  receipt,
  worker,
  release,
  checks,
  notProven,
}: Omit<Proof, 'archive' | 'bundle' | 'header'>): void {
  const { name, version } = release.manifest;
  console.log(`\nproven (${worker.level}, by ${worker.tee}):`);
  console.log(`  ${name} ${version} answered, as leaf ${receipt.index} of log ${toHex(receipt.log)}`);
  console.log(`  in an enclave of image ${toHex(worker.imageId)}, for a fee of ${receipt.fee}`);
  console.log(`  ${checks.filter(({ outcome }) => outcome === 'passed').length} checks passed`);
  console.log('not proven:');
  for (const { id, reason } of notProven) console.log(`  ${id}: ${reason}`);
}
