import { toHex } from '../../../../../wire/bytes.ts';
import type { PolicyState } from '../../connection/policy.ts';
import type { Publishers } from './releases.ts';

/** Whose releases the user accepts; any where no policy is chosen, and then nothing is said to be accepted. */
export function publishersOf(policy: PolicyState): Publishers {
  return policy.kind === 'none' ? 'any' : policy.policy.publishers;
}

/** Whether answers of this model would be accepted: a policy lists models as well as publishers. */
export function listsModel(policy: PolicyState, modelId: Uint8Array): 'listed' | 'any' | 'not-listed' | 'no-policy' {
  if (policy.kind === 'none') return 'no-policy';
  const { models } = policy.policy;
  if (models === 'any') return 'any';
  return models.some((each) => toHex(each) === toHex(modelId)) ? 'listed' : 'not-listed';
}
