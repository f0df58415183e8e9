/** Why a host does not pass on what would be paid, or cannot settle. Codes are API. */
export type PaymentErrorCode =
  | 'channel_refused'
  | 'voucher_refused'
  /** The chain did not answer, or with something that is no answer. */
  | 'chain_unavailable'
  /** A contract said no, when it was simulated or when it was mined. */
  | 'transaction_reverted';

export class PaymentError extends Error {
  readonly code: PaymentErrorCode;

  constructor(code: PaymentErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'PaymentError';
    this.code = code;
  }
}
