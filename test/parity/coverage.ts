import { nitroChanges } from './nitro/index.ts';
import { snpChanges } from './snp/index.ts';

/** Entries of the list of checks that no change here breaks, each with the reason. */
export const notChanged: Readonly<Record<string, string>> = {
  C19: 'no contract takes a revocation list: chips and CAs are denied by a policy, by the hash of what is signed',
  N15: 'the same as C16',
  N18: 'a choice of the policy: which image',
  N21: 'a choice of the registry: which challenge',
  N22: 'a choice of the registry: what public_key and user_data bind',
  N24: 'a choice of the policy: which region',
  N26: 'a choice of the deployment: which root',
  S14: 'a choice of the policy: which chip',
  S18: 'a choice of the policy: which security version of the guest',
  S19: 'a choice of the policy: which measurement',
  S21: 'a choice of the policy: which host data',
  S22: 'a choice of the policy: which family and image id',
  S27: 'no contract takes a revocation list',
  S28: 'a choice of the policy: which product lines',
  S29: 'a tool of its own',
  X5: 'of the library, not of evidence',
  X6: 'of the library, not of evidence: time is an argument here and block.timestamp there',
  X7: 'of the library, not of evidence',
  X8: 'in N3, N11, C4, C13, S2, S3 and S5',
  X9: 'of the library, not of evidence',
  X11: 'of the library, not of evidence',
  X12: 'a choice of the policy',
  X13: 'a choice of the registry: which challenge',
  X14: 'a choice of the policy: whom it denies',
  X15: 'a choice of the registry: which key',
  X16: 'of the library, not of evidence',
  X17: 'of the library, not of evidence',
};

/** C, N, S and X as far as they are about Nitro and SEV-SNP. */
const CHECKS: readonly string[] = [
  ...numbered('C', 19),
  ...numbered('N', 26),
  ...numbered('S', 29),
  ...numbered('X', 17),
];

function numbered(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
}

/** Checks that are neither changed nor on the list of those that are not. */
export function forgottenChecks(): readonly string[] {
  const changed = new Set([...nitroChanges, ...snpChanges].map(({ check }) => check));
  return CHECKS.filter((check) => !changed.has(check) && notChanged[check] === undefined);
}
