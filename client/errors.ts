import type { ReceiptFacts } from '../verifier/receipt/facts.ts';
import type { Verified } from '../verifier/result.ts';
import type { Equivocation } from './watch/equivocation.ts';

/** What a caller can do about a failure. There is no fourth thing. */
export type ClientAction =
  /** The call, its options or its means are not right: the same call fails again. */
  | 'fix-call'
  /** Nothing was proven, neither for nor against anybody: another time or another host may answer. */
  | 'retry'
  /** Somebody showed something that cannot be genuine. */
  | 'stop-trusting';

export type ClientErrorCode =
  | 'argument_invalid'
  /** No release that the caller's own list stands for. */
  | 'model_unknown'
  | 'host_unreachable'
  | 'host_timeout'
  /** The host's word, which proves nothing. */
  | 'host_error'
  | 'response_too_large'
  | 'protocol_violated'
  | 'evidence_refused'
  | 'release_refused'
  /** The owner of the release withdrew it, or advises against it, and the caller's rule refuses that. */
  | 'release_withdrawn'
  /** The caller's rule wants an owner's status of the release, and none is shown, or an older one than was seen. */
  | 'status_missing'
  /** What is shown as the owner's status is not, or is a second one under one number. */
  | 'status_refused'
  | 'receipt_refused'
  /** Two histories of one log, each signed. */
  | 'log_forked'
  /** A log that does not show how one of its heads grew out of another: an alarm, and no proof. */
  | 'log_withheld'
  | 'session_lost'
  /** The worker refused, and receipted that. */
  | 'answer_refused'
  /** The worker failed or stopped, and receipted that. It charged nothing. */
  | 'answer_failed'
  /** It is known before anything is sent that the level asked for will not be reached: `reason` says why. */
  | 'level_unavailable'
  /** The answer came, and what would bring it to the level did not. Its archive goes along; the answer is not handed out. */
  | 'level_not_reached'
  /** What was shown for the level does not hold, or a named auditor has other bits. */
  | 'level_refused'
  /** A unit is dearer than the payer buys. */
  | 'price_refused'
  /** The channel pays another operator, or elsewhere. */
  | 'channel_mismatch'
  /** To pay for this call, more would be outstanding than the payer is ready to lose. */
  | 'outstanding_limit'
  /** The worker's sums and the payer's own differ. */
  | 'payment_mismatch'
  /** What was signed or seen before is not known, so that nothing more is signed or taken. */
  | 'store_failed'
  /** The answer is proven, and its file could not be written. */
  | 'archive_failed';

/** What each code asks of the caller. */
const actions: Readonly<Record<ClientErrorCode, ClientAction>> = {
  argument_invalid: 'fix-call',
  model_unknown: 'fix-call',
  host_unreachable: 'retry',
  host_timeout: 'retry',
  host_error: 'retry',
  response_too_large: 'stop-trusting',
  protocol_violated: 'stop-trusting',
  evidence_refused: 'stop-trusting',
  release_refused: 'stop-trusting',
  release_withdrawn: 'fix-call',
  status_missing: 'retry',
  status_refused: 'stop-trusting',
  receipt_refused: 'stop-trusting',
  log_forked: 'stop-trusting',
  log_withheld: 'stop-trusting',
  session_lost: 'retry',
  answer_refused: 'fix-call',
  answer_failed: 'retry',
  level_unavailable: 'fix-call',
  level_not_reached: 'retry',
  level_refused: 'stop-trusting',
  price_refused: 'fix-call',
  channel_mismatch: 'fix-call',
  outstanding_limit: 'fix-call',
  payment_mismatch: 'stop-trusting',
  store_failed: 'fix-call',
  archive_failed: 'fix-call',
};

export const clientErrorCodes: readonly ClientErrorCode[] = Object.keys(actions) as readonly ClientErrorCode[];

export interface ClientErrorDetail {
  /** The code of whoever said no: a verifier code, a host code, or the worker's answer code. */
  readonly reason: string;
  /** The verdict with every check, where a verification said no. */
  readonly verdict: unknown;
  /** What a contract revokes the log by, where one was caught with two histories. */
  readonly evidence: Equivocation;
  /** The `.proofmark` file of an answer that did not reach the level that was asked for: it may gain it later. */
  readonly archive: Uint8Array;
}

/** The one error of this library’s calls: a code, what can be done about it, and the verdict where one was reached. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly action: ClientAction;
  readonly reason: string;
  readonly verdict: unknown;
  readonly evidence: Equivocation | undefined;
  readonly archive: Uint8Array | undefined;

  constructor(code: ClientErrorCode, message: string, detail: Partial<ClientErrorDetail> = {}) {
    super(`${code}: ${message}`);
    this.name = 'ClientError';
    this.code = code;
    this.action = actions[code];
    this.reason = detail.reason ?? code;
    this.verdict = detail.verdict;
    this.evidence = detail.evidence;
    this.archive = detail.archive;
  }
}

/** What became of an answer that nobody waited for. Its name is the one that platforms give to what was aborted. */
export class StreamLeftError extends Error {
  /** What was generated until then, and what that costs; undefined where no receipt came that holds. */
  readonly receipt: Verified<ReceiptFacts> | undefined;

  constructor(receipt: Verified<ReceiptFacts> | undefined, cause: unknown) {
    super('the stream was left before its end', cause === undefined ? {} : { cause });
    this.name = 'AbortError';
    this.receipt = receipt;
  }
}

/** Whether somebody was caught: such a failure is told, never tried again. */
export function isDistrust(error: unknown): error is ClientError {
  return error instanceof ClientError && error.action === 'stop-trusting';
}
