import { WireError } from '../../wire/errors.ts';
import type { WorkerRefusalCode } from '../../wire/message/link.ts';
import { EvidenceError, type EvidenceErrorCode, LinkError, type LinkErrorCode, WorkerRefusedError } from '../errors.ts';
import { JournalError, type JournalErrorCode } from '../journal/errors.ts';
import { PaymentError } from '../payments/errors.ts';

/** Codes are API. */
export type HostErrorCode =
  | 'request_invalid'
  | 'operation_unsupported'
  | 'record_refused'
  | 'channel_refused'
  | 'voucher_refused'
  | 'key_required'
  | 'payment_not_offered'
  | 'payment_required'
  | 'auditor_required'
  | 'disclosure_refused'
  | 'not_found'
  | 'model_unknown'
  | 'status_unknown'
  | 'file_unknown'
  | 'receipt_unknown'
  | 'response_unknown'
  | 'disclosed_unknown'
  | 'finding_unknown'
  | 'receipt_dropped'
  | 'log_unknown'
  | 'size_unknown'
  | 'tile_unknown'
  | 'session_unknown'
  | 'worker_unknown'
  | 'method_not_allowed'
  | 'stream_not_accepted'
  | 'request_timeout'
  | 'body_too_large'
  | 'media_type_unsupported'
  | 'rate_limited'
  | 'headers_too_large'
  | 'internal'
  | 'worker_lost'
  | 'worker_protocol'
  | 'worker_refused'
  | 'attestation_failed'
  | 'certificates_missing'
  | 'busy'
  | 'worker_unreachable'
  | 'journal_unavailable'
  | 'chain_unavailable'
  | 'shutting_down'
  | 'worker_timeout';

interface Explanation {
  readonly status: number;
  readonly message: string;
}

/**
 * Everything that the host says in its own name when it does not answer. Texts are fixed: nothing of a request, a path
 * or a stack reaches a client. All of these are the host's word only; what a worker refuses comes with a receipt.
 */
export const explanations: Readonly<Record<HostErrorCode, Explanation>> = {
  request_invalid: { status: 400, message: 'the request is malformed' },
  operation_unsupported: { status: 400, message: 'the model does not do what this path is for' },
  record_refused: { status: 400, message: 'the worker could not open the record' },
  channel_refused: { status: 402, message: 'the channel is not one that pays for this worker' },
  voucher_refused: { status: 402, message: 'the voucher was not signed for this channel and log' },
  key_required: { status: 401, message: 'this host answers callers that present a key of its operator' },
  payment_not_offered: { status: 402, message: 'this host takes no payment' },
  payment_required: { status: 402, message: 'this host passes on what a channel pays for' },
  auditor_required: { status: 403, message: 'a question or a finding that an auditor named here signed just now' },
  disclosure_refused: { status: 422, message: 'the file does not hold the whole of a request that was disclosed' },
  not_found: { status: 404, message: 'there is nothing at this path' },
  model_unknown: { status: 404, message: 'no release of that name or id is served here' },
  file_unknown: { status: 404, message: 'no such file of that release is shown here' },
  status_unknown: { status: 404, message: 'no status of that release is kept here' },
  receipt_unknown: { status: 404, message: 'no receipt for that request' },
  response_unknown: { status: 404, message: 'no answer is kept for that request' },
  disclosed_unknown: { status: 404, message: 'nothing disclosed is kept for that receipt' },
  finding_unknown: { status: 404, message: 'no log here has that leaf at that place' },
  log_unknown: { status: 404, message: 'no such log, or it is empty' },
  size_unknown: { status: 404, message: 'the log has no such sizes' },
  tile_unknown: { status: 404, message: 'the log has no such tile yet' },
  session_unknown: { status: 404, message: 'the worker knows no such session; open a new one' },
  worker_unknown: { status: 404, message: 'no worker here has that log' },
  method_not_allowed: { status: 405, message: 'this path does not offer that method' },
  stream_not_accepted: { status: 406, message: 'the answer is a stream of records, which the request did not accept' },
  request_timeout: { status: 408, message: 'the request took too long to arrive' },
  receipt_dropped: { status: 410, message: 'the receipt was kept for its time, and is no longer' },
  body_too_large: { status: 413, message: 'the body is larger than allowed here' },
  media_type_unsupported: { status: 415, message: 'this path does not take that content type or encoding' },
  rate_limited: { status: 429, message: 'too many requests of this kind' },
  headers_too_large: { status: 431, message: 'the headers are larger than allowed' },
  internal: { status: 500, message: 'the host failed' },
  worker_lost: { status: 502, message: 'the worker was lost before it answered' },
  worker_protocol: { status: 502, message: 'the worker answered something that is no answer' },
  worker_refused: { status: 502, message: 'the worker refused what the host asked' },
  attestation_failed: { status: 502, message: 'the worker could not attest' },
  certificates_missing: { status: 503, message: 'the certificates of the worker’s processor are not at hand' },
  busy: { status: 503, message: 'no capacity at the moment' },
  worker_unreachable: { status: 503, message: 'no usable worker is connected' },
  journal_unavailable: { status: 503, message: 'receipts cannot be kept at the moment, so no answer is given' },
  chain_unavailable: { status: 503, message: 'the chain cannot be asked at the moment, so nothing is taken as paid' },
  shutting_down: { status: 503, message: 'the host is stopping' },
  worker_timeout: { status: 504, message: 'the worker did not answer in time' },
};

export class HttpError extends Error {
  readonly code: HostErrorCode;
  /** Seconds, where it is known when to come back. */
  readonly retryAfter: number | undefined;

  constructor(code: HostErrorCode, options: { readonly cause?: unknown; readonly retryAfter?: number } = {}) {
    super(code, options);
    this.name = 'HttpError';
    this.code = code;
    this.retryAfter = options.retryAfter;
  }
}

const linkCodes: Readonly<Record<Exclude<LinkErrorCode, 'worker_refused'>, HostErrorCode>> = {
  worker_unreachable: 'worker_unreachable',
  worker_unknown: 'worker_unknown',
  session_unknown: 'session_unknown',
  worker_lost: 'worker_lost',
  worker_timeout: 'worker_timeout',
  worker_protocol: 'worker_protocol',
  busy: 'busy',
  journal_unavailable: 'journal_unavailable',
  // Nobody reads this one: the client has left.
  cancelled: 'request_timeout',
  link_closed: 'shutting_down',
};

const refusalCodes: Readonly<Partial<Record<WorkerRefusalCode, HostErrorCode>>> = {
  not_configured: 'worker_unreachable',
  malformed: 'request_invalid',
  session_unknown: 'session_unknown',
  record_refused: 'record_refused',
  channel_refused: 'channel_refused',
  voucher_refused: 'voucher_refused',
  busy: 'busy',
  log_full: 'busy',
  attestation_failed: 'attestation_failed',
};

const journalCodes: Readonly<Partial<Record<JournalErrorCode, HostErrorCode>>> = {
  receipt_unknown: 'receipt_unknown',
  receipt_dropped: 'receipt_dropped',
  log_unknown: 'log_unknown',
  size_unknown: 'size_unknown',
  journal_closed: 'shutting_down',
};

const evidenceCodes: Readonly<Record<EvidenceErrorCode, HostErrorCode>> = {
  document_invalid: 'worker_protocol',
  certificate_table_invalid: 'certificates_missing',
  certificates_missing: 'certificates_missing',
  certificates_unreadable: 'certificates_missing',
};

/** The code for whatever a handler threw. */
export function hostErrorCode(error: unknown): HostErrorCode {
  if (error instanceof HttpError) return error.code;
  if (error instanceof WorkerRefusedError) return refusalCodes[error.refusal] ?? 'worker_refused';
  if (error instanceof LinkError) return error.code === 'worker_refused' ? 'worker_refused' : linkCodes[error.code];
  if (error instanceof EvidenceError) return evidenceCodes[error.code];
  if (error instanceof PaymentError) return error.code === 'transaction_reverted' ? 'chain_unavailable' : error.code;
  if (error instanceof JournalError) return journalCodes[error.code] ?? 'journal_unavailable';
  // Express marks what a request got wrong before a handler saw it: an undecodable path, for one.
  const status = (error as { readonly status?: unknown } | null | undefined)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? 'request_invalid' : 'internal';
}

/** Statuses that say "later": how many seconds a client should wait. */
export function retryAfter(error: unknown): string | undefined {
  const { status } = explanations[hostErrorCode(error)];
  if (status !== 503 && status !== 429) return undefined;
  const known = error instanceof HttpError ? error.retryAfter : undefined;
  return String(Math.max(1, Math.ceil(known ?? 1)));
}

/** OpenAI's libraries read `error.message`, those of the Open Inference Protocol `error`; our own clients read `code`. */
export type ErrorStyle = 'host' | 'oip' | 'openai';

export function errorBody(error: unknown, style: ErrorStyle): string {
  const code = hostErrorCode(error);
  const { status, message } = explanations[code];
  if (style === 'host') return JSON.stringify({ code, message });
  if (style === 'oip') return JSON.stringify({ code, message, error: message });
  const { detail, param } = faultOf(error);
  return JSON.stringify({ error: { message: message + detail, type: openaiType(status), param, code } });
}

const NO_FAULT = { detail: '', param: null } as const;

/** What is wrong with a body that the host had to read, and where. The words are our own, and name no value of it. */
function faultOf(error: unknown): { readonly detail: string; readonly param: string | null } {
  const cause = error instanceof HttpError ? error.cause : undefined;
  if (!(cause instanceof WireError)) return NO_FAULT;
  const { field } = cause.place;
  return { detail: `: ${cause.detail}`, param: field !== undefined && PLAIN_FIELD.test(field) ? field : null };
}

/** A field of ours; what else a client calls a field is not repeated to it. */
const PLAIN_FIELD = /^[a-z_]{1,32}(?:\[[0-9]{1,5}\](?:\.[a-z_]{1,32})?|\.[a-z_]{1,32}){0,4}$/;

export function openaiType(status: number): string {
  if (status === 401 || status === 403) return 'authentication_error';
  if (status === 402) return 'insufficient_quota';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}
