import { type ClientAction, ClientError } from '../../../../client/errors.ts';
import { type Check, VerifierError } from '../../../../verifier/index.ts';
import { WireError } from '../../../../wire/errors.ts';

/** An error as the page tells it: its code first, since that is what can be looked up. */
export interface Explained {
  readonly code: string;
  readonly reason: string | undefined;
  readonly message: string;
  readonly action: ClientAction | undefined;
  /** Where a verification said no: what it checked. */
  readonly checks: readonly Check[];
}

export const actionWords: Readonly<Record<ClientAction, string>> = {
  'fix-call': 'The same call fails again: change it.',
  retry: 'Nothing was proven, neither for nor against anybody. Another time or another host may answer.',
  'stop-trusting': 'Somebody showed something that cannot be genuine. Do not rely on it.',
};

export function explain(error: unknown): Explained {
  if (error instanceof ClientError) {
    const { code, reason, message, action, verdict } = error;
    return { code, reason: reason === code ? undefined : reason, message, action, checks: checksOf(verdict) };
  }
  if (error instanceof VerifierError || error instanceof WireError) {
    return { code: error.code, reason: undefined, message: error.message, action: undefined, checks: [] };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'unexpected', reason: undefined, message, action: undefined, checks: [] };
}

/** A client error carries the verdict as it is, for whoever knows what was asked. */
function checksOf(verdict: unknown): readonly Check[] {
  if (typeof verdict !== 'object' || verdict === null || !('checks' in verdict)) return [];
  const { checks } = verdict;
  return Array.isArray(checks) ? (checks as readonly Check[]) : [];
}
