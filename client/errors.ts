/**
 * What can go wrong for a caller, by what the caller should do about it. `evidence_refused`, `receipt_refused`,
 * `payment_mismatch` and `protocol_violated` mean: stop trusting this host or worker. `host_error` is the host's word and proves nothing.
 */
export type ClientErrorCode =
  | 'argument_invalid'
  | 'host_unreachable'
  | 'host_timeout'
  | 'host_error'
  | 'response_too_large'
  | 'protocol_violated'
  | 'evidence_refused'
  | 'release_refused'
  | 'receipt_refused'
  | 'log_forked'
  | 'session_lost'
  | 'answer_refused'
  /** A unit is dearer than the payer buys. */
  | 'price_refused'
  /** The channel pays another operator, or elsewhere. */
  | 'channel_mismatch'
  /** To pay for this call, more would be outstanding than the payer is ready to lose. */
  | 'outstanding_limit'
  /** The worker's sums and the payer's own differ. */
  | 'payment_mismatch'
  /** What was signed before is not known, so that nothing more is signed. */
  | 'store_failed';

export interface ClientErrorDetail {
  /** The code of whoever said no: a verifier code, a host code, or the worker's answer code. */
  readonly reason: string;
  /** The verdict with every check, where a verification said no. */
  readonly verdict: unknown;
}

export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly reason: string;
  readonly verdict: unknown;

  constructor(code: ClientErrorCode, message: string, detail: Partial<ClientErrorDetail> = {}) {
    super(`${code}: ${message}`);
    this.name = 'ClientError';
    this.code = code;
    this.reason = detail.reason ?? code;
    this.verdict = detail.verdict;
  }
}
