import { parsePolicy, parseSnpPolicy, type WorkerPolicy } from '../../verifier/index.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import type { PolicyOrigin } from './report.ts';
import { nitroSurvey, snpSurvey } from './survey.ts';

export interface ChosenPolicy {
  readonly origin: PolicyOrigin;
  readonly policy: WorkerPolicy;
}

/** The policy that evidence of one kind of hardware is judged by; undefined where the person chose other hardware only. */
export type PolicyChoice = (tee: TeeName) => ChosenPolicy | undefined | Promise<ChosenPolicy | undefined>;

/** The first of these policies for the kind of hardware that is found. */
export function policyChoice(policies: readonly WorkerPolicy[], origin: PolicyOrigin): PolicyChoice {
  return (tee) => {
    const policy = policies.find((one) => one.tee === tee);
    return policy === undefined ? undefined : { origin, policy };
  };
}

/** Where nobody chose: whether it is genuine evidence of a vendor's hardware, and no word on who should rely on it. */
export function surveyChoice(vmpls: readonly number[]): PolicyChoice {
  return (tee) => {
    const policy = tee === 'aws-nitro' ? parsePolicy(nitroSurvey) : parseSnpPolicy(snpSurvey(vmpls));
    return { origin: 'survey', policy };
  };
}
