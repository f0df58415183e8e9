import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NitroPolicy, parsePolicy, parseSnpPolicy, type SnpPolicy, VerifierError } from '../../verifier/index.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import type { PolicyOrigin } from './report.ts';
import { readSmallFile } from './source.ts';
import { nitroSurvey, snpSurvey } from './survey.ts';

export type AuditPolicy = NitroPolicy | SnpPolicy;

export interface ChosenPolicy {
  readonly origin: PolicyOrigin;
  readonly policy: AuditPolicy;
}

/** The policy that evidence of one kind of hardware is judged by; undefined where the person chose other hardware only. */
export type PolicyChoice = (tee: TeeName) => Promise<ChosenPolicy | undefined>;

/** The policies that the person named, one for each kind of hardware; null if none was. */
export async function givenChoice(paths: readonly string[]): Promise<PolicyChoice | null> {
  if (paths.length === 0) return null;
  const given = new Map<TeeName, AuditPolicy>();
  for (const path of paths) {
    const policy = parsed(path, await readSmallFile(path, limits.policyBytes));
    if (given.has(policy.tee)) throw new UsageError(`two policies for ${policy.tee}`);
    given.set(policy.tee, policy);
  }
  return async (tee) => {
    const policy = given.get(tee);
    return policy === undefined ? undefined : { origin: 'given', policy };
  };
}

/** The shipped defaults, which accept no image: what to trust is for the person who asks. */
export const shippedChoice: PolicyChoice = async (tee) => {
  const path = shippedPolicyPath(tee);
  return { origin: 'shipped', policy: parsed(path, await readSmallFile(path, limits.policyBytes)) };
};

export function shippedPolicyPath(tee: TeeName): string {
  return join(PACKAGE, 'attestations', 'policies', `${tee}-default.json`);
}

/** For a batch without a policy; a case may name the VMPLs that its reports are taken at. */
export function surveyChoice(vmpls: readonly number[]): PolicyChoice {
  return async (tee) => {
    const policy = tee === 'aws-nitro' ? parsePolicy(nitroSurvey) : parseSnpPolicy(snpSurvey(vmpls));
    return { origin: 'survey', policy };
  };
}

const HERE = dirname(fileURLToPath(import.meta.url));
/** From source this file is two folders deep, compiled three. */
const PACKAGE = join(HERE, '..', '..', ...(import.meta.url.endsWith('.ts') ? [] : ['..']));

function parsed(path: string, bytes: Uint8Array): AuditPolicy {
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
