/** What a caller can do about a failure. There is no fourth thing. */
export type ClientAction =
  /** The call, its options or its means are not right: the same call fails again. */
  | 'fix-call'
  /** Nothing was proven, neither for nor against anybody: another time or another host may answer. */
  | 'retry'
  /** Somebody showed something that cannot be genuine. */
  | 'stop-trusting';

/** What each code asks of the caller. Closed: a code that is not here does not exist. */
const actions = {
  argument_invalid: 'fix-call',
  /** No release that the caller's own list or policy stands for. */
  model_unknown: 'fix-call',
  host_unreachable: 'retry',
  host_timeout: 'retry',
  /** The host's word, which proves nothing. */
  host_error: 'retry',
  response_too_large: 'stop-trusting',
  protocol_violated: 'stop-trusting',
  evidence_refused: 'stop-trusting',
  release_refused: 'stop-trusting',
  receipt_refused: 'stop-trusting',
  /** Two histories of one log, each signed. */
  log_forked: 'stop-trusting',
  /** A log that does not show how one of its heads grew out of another: an alarm, and no proof. */
  log_withheld: 'stop-trusting',
  session_lost: 'retry',
  /** The worker refused, and receipted that. */
  answer_refused: 'fix-call',
  /** The worker failed or stopped, and receipted that. It charged nothing. */
  answer_failed: 'retry',
  /** A unit is dearer than the payer buys. */
  price_refused: 'fix-call',
  /** The channel pays another operator, or elsewhere. */
  channel_mismatch: 'fix-call',
  /** To pay for this call, more would be outstanding than the payer is ready to lose. */
  outstanding_limit: 'fix-call',
  /** The worker's sums and the payer's own differ. */
  payment_mismatch: 'stop-trusting',
  /** What was signed before is not known, so that nothing more is signed. */
  store_failed: 'fix-call',
  /** The answer is proven, and its file could not be written. */
  archive_failed: 'fix-call',
} as const satisfies Readonly<Record<string, ClientAction>>;

export type ClientErrorCode = keyof typeof actions;

export const clientErrorCodes: readonly ClientErrorCode[] = Object.keys(actions) as readonly ClientErrorCode[];

export interface ClientErrorDetail {
  /** The code of whoever said no: a verifier code, a host code, or the worker's answer code. */
  readonly reason: string;
  /** The verdict with every check, where a verification said no. */
  readonly verdict: unknown;
}

export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly action: ClientAction;
  readonly reason: string;
  readonly verdict: unknown;

  constructor(code: ClientErrorCode, message: string, detail: Partial<ClientErrorDetail> = {}) {
    super(`${code}: ${message}`);
    this.name = 'ClientError';
    this.code = code;
    this.action = actions[code];
    this.reason = detail.reason ?? code;
    this.verdict = detail.verdict;
  }
}

/** Whether somebody was caught: such a failure is told, never tried again. */
export function isDistrust(error: unknown): error is ClientError {
  return error instanceof ClientError && error.action === 'stop-trusting';
}
