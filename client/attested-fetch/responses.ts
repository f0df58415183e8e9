import { toBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import { bundleToHeader } from '../../wire/message/bundle.ts';
import { REQUEST_HEADER_BYTES } from '../../wire/message/request.ts';
import type { Answered } from '../calls.ts';
import type { ClientError, ClientErrorCode } from '../errors.ts';
import { member } from '../language/events.ts';

/** The three headers by which a host's own answers are audited, too; here they were checked before. */
export function proofHeaders({ request, bundle, receipt }: Answered): Record<string, string> {
  return {
    'proofmark-request': toBase64url(request.header.subarray(0, REQUEST_HEADER_BYTES)),
    'proofmark-receipt': bundleToHeader(bundle),
    'proofmark-log': toHex(receipt.log),
  };
}

export function jsonResponse(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json', ...headers } });
}

/** The last event before `[DONE]`: what the stream was proven by. It has the shape of a chunk without choices. */
export function receiptEvent(kind: 'chat' | 'completion', answered: Answered, first: unknown): Uint8Array {
  const { request, bundle, receipt } = answered;
  const event = {
    id: textMember(first, 'id') ?? toHex(receipt.requestId),
    object: kind === 'chat' ? 'chat.completion.chunk' : 'text_completion',
    created: 0,
    model: textMember(first, 'model') ?? toHex(receipt.modelId),
    choices: [],
    proofmark: { log: toHex(receipt.log), request: toBase64url(request.header), receipt: bundleToHeader(bundle) },
  };
  return utf8(`data: ${JSON.stringify(event)}\n\n`);
}

export const DONE: Uint8Array = utf8('data: [DONE]\n\n');

function textMember(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' ? found : undefined;
}

interface ErrorShape {
  readonly status: number;
  readonly type: 'invalid_request_error' | 'payment_error' | 'api_error';
}

const refused: ErrorShape = { status: 400, type: 'invalid_request_error' };
const unpaid: ErrorShape = { status: 402, type: 'payment_error' };

/**
 * Codes that become a response. Those of evidence are missing: a response could be taken for an answer, or be retried as
 * a server's bad moment, so that they are thrown.
 */
const shapes: Readonly<Partial<Record<ClientErrorCode, ErrorShape>>> = {
  argument_invalid: refused,
  model_unknown: { status: 404, type: 'invalid_request_error' },
  release_withdrawn: { status: 410, type: 'invalid_request_error' },
  answer_refused: { status: 422, type: 'invalid_request_error' },
  answer_failed: { status: 500, type: 'api_error' },
  price_refused: unpaid,
  channel_mismatch: unpaid,
  outstanding_limit: unpaid,
  store_failed: unpaid,
  archive_failed: { status: 500, type: 'api_error' },
  host_error: { status: 502, type: 'api_error' },
  status_missing: { status: 502, type: 'api_error' },
  host_unreachable: { status: 502, type: 'api_error' },
  session_lost: { status: 502, type: 'api_error' },
  host_timeout: { status: 504, type: 'api_error' },
};

/**
 * The response for a failure, as OpenAI clients expect it, or undefined where it must be thrown. `repeats` says whether
 * the same call may be sent again: such clients do that by themselves after a 5xx, and would pay again for what was lost.
 */
export function errorResponse(
  error: ClientError,
  repeats: 'allowed' | 'refused',
  answered?: Answered,
): Response | undefined {
  const shape = shapes[error.code];
  if (shape === undefined) return undefined;
  const lost = error.action === 'retry' && error.code !== 'answer_failed';
  // 424 is no status that clients repeat by themselves; the header says the same to those that know it.
  const status = lost && repeats === 'refused' ? 424 : shape.status;
  const final = !lost || repeats === 'refused';
  const proof = answered === undefined ? {} : { body: toBase64url(answered.answer.body) };
  const { message, reason } = error;
  const body = {
    error: {
      message,
      type: shape.type,
      param: null,
      code: reason,
      proofmark: { code: error.code, action: error.action, ...proof },
    },
  };
  return jsonResponse(status, body, {
    ...(answered === undefined ? {} : proofHeaders(answered)),
    ...(final && error.code !== 'answer_failed' ? { 'x-should-retry': 'false' } : {}),
  });
}
