import type { Check } from '../../verifier/index.ts';
import type { Standing } from './report.ts';

/** Whether each of these checks is in the list and passed; a check that is not there proves nothing. */
export function haveAllPassed(checks: readonly Check[], ids: readonly string[]): boolean {
  return ids.every((id) => checks.some((check) => check.id === id && check.outcome === 'passed'));
}

/** The verifier stops at the first failure of cryptography, so a passed check stands on all those before it. */
export function standingOf(checks: readonly Check[], ids: readonly string[], accepted: boolean): Standing {
  if (accepted) return 'accepted';
  return haveAllPassed(checks, ids) ? 'authentic' : 'claimed';
}
