import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PolicyChoice, policyChoice } from '../../client/audit/index.ts';
import { parsePolicy, parseSnpPolicy, VerifierError, type WorkerPolicy } from '../../verifier/index.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import { readSmallFile } from './source.ts';

/** The policies that the person named, one for each kind of hardware; null if none was. */
export async function givenChoice(paths: readonly string[]): Promise<PolicyChoice | null> {
  if (paths.length === 0) return null;
  const given: WorkerPolicy[] = [];
  for (const path of paths) {
    const policy = parsed(path, await readSmallFile(path, limits.policyBytes));
    if (given.some(({ tee }) => tee === policy.tee)) throw new UsageError(`two policies for ${policy.tee}`);
    given.push(policy);
  }
  return policyChoice(given, 'given');
}

/** The shipped defaults, which accept no image: what to trust is for the person who asks. */
export const shippedChoice: PolicyChoice = async (tee) => {
  const path = shippedPolicyPath(tee);
  return { origin: 'shipped', policy: parsed(path, await readSmallFile(path, limits.policyBytes)) };
};

export function shippedPolicyPath(tee: TeeName): string {
  return join(PACKAGE, 'attestations', 'policies', `${tee}-default.json`);
}

const HERE = dirname(fileURLToPath(import.meta.url));
/** From source this file is two folders deep, compiled three. */
const PACKAGE = join(HERE, '..', '..', ...(import.meta.url.endsWith('.ts') ? [] : ['..']));

function parsed(path: string, bytes: Uint8Array): WorkerPolicy {
  try {
    const rules = parseJson(bytes, limits.policyBytes);
    const forSnp = typeof rules === 'object' && rules !== null && 'tee' in rules && rules['tee'] === 'amd-sev-snp';
    return forSnp ? parseSnpPolicy(rules) : parsePolicy(rules);
  } catch (error) {
    if (error instanceof VerifierError || error instanceof WireError)
      throw new CommandError(`${path}: ${error.message}`);
    throw error;
  }
}
