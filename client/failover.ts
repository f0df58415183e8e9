import type { ClientErrorCode } from './errors.ts';

/**
 * What becomes of one request whose answer does not come (DESIGN section 5). A request is sent once; the host keeps
 * answers for a while, so that one that was lost on its way is fetched and not paid for twice. Only if there is none, and
 * the caller allows repeats, is the question asked again, of another worker where there is one.
 *
 * Nothing here waits, sends or looks at a clock: an event goes in, the next thing to do comes out.
 */
export type RetryRule =
  /** A lost request stays lost: whether it was run is not known, and a repeat may cost again. */
  | 'never'
  /** Asked again where no answer is kept. It may have been run all the same. */
  | 'unanswered';

export interface FailoverRules {
  /** Undefined: what is free is asked again, what is paid is not. */
  readonly retry: RetryRule | undefined;
  /** How often a question is asked in all. */
  readonly attempts: number;
  /** How often a kept answer is asked for, for one request. */
  readonly asks: number;
}

export interface FailoverState {
  readonly attempt: number;
  readonly asked: number;
  /** How many of these questions did not reach the host. */
  readonly missed: number;
  /** Something was handed to the caller already: a repeat would be another text. */
  readonly begun: boolean;
  readonly paid: boolean;
}

export type FailoverEvent =
  /** Lost before the request was sent: no session, or no voucher taken. */
  | { readonly kind: 'unsent' }
  /** Sent, and what came back is no answer. */
  | { readonly kind: 'lost'; readonly begun: boolean; readonly paid: boolean }
  /** The host says that it keeps none, and that nothing is under way. */
  | { readonly kind: 'not-kept' }
  /** The host says that the request is still under way. */
  | { readonly kind: 'pending' }
  /** The host could not be asked. */
  | { readonly kind: 'not-asked' }
  /** The worker has said, with a receipt and for nothing, that it does not have the model. */
  | { readonly kind: 'elsewhere' };

export type FailoverStep =
  | { readonly kind: 'send' }
  | { readonly kind: 'ask' }
  | { readonly kind: 'wait' }
  /** With what was wrong when the answer was lost. */
  | { readonly kind: 'give-up' };

/** A host that was away for a moment is asked once more; one that stays away keeps nothing for us. */
const MISSES = 1;

export const firstState: FailoverState = { attempt: 1, asked: 0, missed: 0, begun: false, paid: false };

export function nextStep(
  state: FailoverState,
  event: FailoverEvent,
  rules: FailoverRules,
): readonly [FailoverState, FailoverStep] {
  switch (event.kind) {
    case 'unsent':
    case 'elsewhere':
      return again(state, rules.attempts);
    case 'lost':
      return [{ ...state, asked: 1, missed: 0, begun: event.begun, paid: event.paid }, { kind: 'ask' }];
    case 'not-kept':
      return repeat(state, rules);
    case 'pending':
      // It is being run: a repeat would be run beside it.
      if (state.asked >= rules.asks) return [state, { kind: 'give-up' }];
      return [{ ...state, asked: state.asked + 1 }, { kind: 'wait' }];
    case 'not-asked':
      if (state.missed >= MISSES) return repeat(state, rules);
      return [{ ...state, asked: state.asked + 1, missed: state.missed + 1 }, { kind: 'wait' }];
  }
}

function repeat(state: FailoverState, rules: FailoverRules): readonly [FailoverState, FailoverStep] {
  const rule = rules.retry ?? (state.paid ? 'never' : 'unanswered');
  if (rule === 'never' || state.begun) return [state, { kind: 'give-up' }];
  return again(state, rules.attempts);
}

function again(state: FailoverState, attempts: number): readonly [FailoverState, FailoverStep] {
  if (state.attempt >= attempts) return [state, { kind: 'give-up' }];
  return [{ ...state, attempt: state.attempt + 1, asked: 0, missed: 0, begun: false }, { kind: 'send' }];
}

/** What a failed question for a kept answer says. Undefined: it is no word on that at all, and ends the call. */
export function keptEvent(code: ClientErrorCode, reason: string): FailoverEvent | undefined {
  if (reason === 'response_pending') return { kind: 'pending' };
  // A host without that route keeps nothing either.
  const none = reason === 'response_unknown' || reason === 'not_found' || code === 'session_lost';
  if (none) return { kind: 'not-kept' };
  const away = code === 'host_unreachable' || code === 'host_timeout' || code === 'host_error';
  return away ? { kind: 'not-asked' } : undefined;
}
