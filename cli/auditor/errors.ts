/** Why an auditor does not sign. Codes are API. */
export type ApprovalRefusalCode =
  | 'statement_invalid'
  | 'archive_malformed'
  /** It does not hold together: a signature, a digest, a hash. */
  | 'archive_untrusted'
  /** It is genuine, and this auditor's policy does not accept it. */
  | 'archive_refused'
  | 'archive_undetermined'
  | 'payload_missing'
  | 'release_unavailable'
  /** On another class of processor bits may differ for good reason: nothing is said about the worker. */
  | 'other_class'
  | 'other_engine'
  | 'not_replayable'
  /** The same engine on the same class of processor computed something else. */
  | 'other_bits'
  | 'busy'
  /** It is still computed: who asks again gets what came of it. */
  | 'late'
  | 'body_invalid'
  | 'body_too_large'
  | 'not_found'
  | 'method_not_allowed'
  | 'internal';

interface Explanation {
  readonly status: number;
  readonly message: string;
}

export const refusals: Readonly<Record<ApprovalRefusalCode, Explanation>> = {
  statement_invalid: { status: 400, message: 'chainId, verifier and escrow say for which payment it is' },
  archive_malformed: { status: 400, message: 'the body is no .proofmark file' },
  archive_untrusted: { status: 422, message: 'the file does not hold together' },
  archive_refused: { status: 422, message: 'the file is genuine, and the policy of this auditor does not accept it' },
  archive_undetermined: { status: 422, message: 'from the file nobody can tell' },
  payload_missing: { status: 422, message: 'the file lacks the request or the answer' },
  release_unavailable: { status: 503, message: 'this auditor does not have the release' },
  other_class: { status: 422, message: 'the answer was computed on another class of processor than this auditor has' },
  other_engine: { status: 422, message: 'the answer was computed by another engine than this auditor has' },
  not_replayable: { status: 422, message: 'the answer cannot be computed again here' },
  other_bits: { status: 422, message: 'the same engine on the same class of processor computed other bits' },
  busy: { status: 503, message: 'this auditor has enough to compute' },
  late: { status: 504, message: 'it is not computed yet; ask again' },
  body_invalid: { status: 400, message: 'a body of application/octet-stream that comes whole' },
  body_too_large: { status: 413, message: 'the file is larger than allowed here' },
  not_found: { status: 404, message: 'there is nothing at this path' },
  method_not_allowed: { status: 405, message: 'this path does not offer that method' },
  internal: { status: 500, message: 'the auditor failed' },
};

export class ApprovalRefusal extends Error {
  readonly code: ApprovalRefusalCode;
  /** A code of whoever said no before: a verifier's, or why something is not replayable. */
  readonly reason: string;

  constructor(code: ApprovalRefusalCode, reason: string = code, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${reason}`, options);
    this.name = 'ApprovalRefusal';
    this.code = code;
    this.reason = reason;
  }
}
