/**
 * Why there are no hints. The contract refuses whatever is sent for the first five; `no_route` is a valid signature for
 * which every scalar relation that was tried meets an exceptional addition, which nobody has seen.
 */
export type P384ProofErrorCode =
  | 'hash_length'
  | 'scalar_out_of_range'
  | 'key_format'
  | 'key_not_on_curve'
  | 'signature_invalid'
  | 'no_route';

export class P384ProofError extends Error {
  override readonly name = 'P384ProofError';
  readonly code: P384ProofErrorCode;

  constructor(code: P384ProofErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
