import type { IncomingMessage, ServerResponse } from 'node:http';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { type HostErrorCode, HttpError } from '../../http/errors.ts';
import { explanations, HubError, type HubErrorCode } from '../errors.ts';
import type { HubEventSink } from '../events.ts';
import { isFull } from '../store/disk.ts';

export type Headers = Readonly<Record<string, string>>;

/**
 * On every answer. Nothing here is a page: whatever a browser is led to, it stores instead of showing it, and where it
 * shows it all the same, in an origin of its own and without script.
 */
export const commonHeaders: Headers = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

/** What pages of any origin may read of an answer. */
const READABLE = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Link',
  'Retry-After',
  'X-Error-Code',
  'X-Error-Message',
  'X-Linked-Etag',
  'X-Linked-Size',
  'X-Repo-Commit',
  'X-Total-Count',
].join(', ');

/**
 * For reading, every page is welcome to what anybody may see: an answer to a request without a token shows nothing private.
 * A hub has no cookies, so there is nothing that a page could use of its visitor; and an answer to a token is for no page.
 */
export function readHeaders(request: IncomingMessage): Headers {
  if (request.headers.authorization !== undefined) return {};
  return {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': READABLE,
    'Cross-Origin-Resource-Policy': 'cross-origin',
  };
}

export const preflightHeaders: Headers = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD, POST',
  'Access-Control-Allow-Headers': 'Accept, Content-Type, If-None-Match, If-Range, Range',
  'Access-Control-Max-Age': '3600',
};

export function send(response: ServerResponse, status: number, headers: Headers, body: Uint8Array | undefined): void {
  if (response.destroyed) return;
  const length: Headers = body === undefined ? {} : { 'Content-Length': String(body.length) };
  response.writeHead(status, { ...commonHeaders, ...headers, ...length });
  if (body === undefined || response.req.method === 'HEAD') response.end();
  else response.end(body);
}

export function sendJson(response: ServerResponse, status: number, headers: Headers, value: JsonValue): void {
  send(
    response,
    status,
    { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    utf8(JSON.stringify(value)),
  );
}

const hostCodes: Readonly<Partial<Record<HostErrorCode, HubErrorCode>>> = {
  request_invalid: 'request_invalid',
  request_timeout: 'request_timeout',
  body_too_large: 'body_too_large',
  media_type_unsupported: 'media_type_unsupported',
  rate_limited: 'rate_limited',
  headers_too_large: 'headers_too_large',
  busy: 'busy',
  shutting_down: 'shutting_down',
};

export function hubErrorCode(error: unknown): HubErrorCode {
  if (error instanceof HubError) return error.code;
  if (error instanceof HttpError) return hostCodes[error.code] ?? 'internal';
  if (error instanceof WireError) return 'request_invalid';
  return isFull(error) ? 'store_full' : 'internal';
}

/** As the libraries of the Hugging Face Hub read it. */
const libraryCodes: Readonly<Partial<Record<HubErrorCode, string>>> = {
  model_unknown: 'RepoNotFound',
  revision_unknown: 'RevisionNotFound',
  file_unknown: 'EntryNotFound',
};

export type ErrorStyle = 'native' | 'library';

export interface Refusal {
  readonly style: ErrorStyle;
  readonly headers: Headers;
  readonly onEvent: HubEventSink;
}

/** How long a refused client may go on sending, so that it reads why before its connection ends. */
const LINGER_MS = 5_000;

/** The one place where errors become answers: a code and its fixed text, whatever was thrown. */
export function sendError(request: IncomingMessage, response: ServerResponse, error: unknown, refusal: Refusal): void {
  const code = hubErrorCode(error);
  const { status, message } = explanations[code];
  const hasLeft = response.destroyed || request.socket.destroyed;
  if (status >= 500 && !hasLeft) refusal.onEvent({ event: 'request_failed', code });
  if (response.headersSent || hasLeft) {
    response.destroy();
    return;
  }
  const known = error instanceof HubError ? error : undefined;
  const headers: Record<string, string> = { ...refusal.headers };
  if (status === 503 || status === 429) headers['Retry-After'] = retryAfter(error);
  if (known?.offset !== undefined) headers['Upload-Offset'] = String(known.offset);
  if (known?.size !== undefined) headers['Content-Range'] = `bytes */${known.size}`;
  if (refusal.style === 'library') {
    headers['X-Error-Code'] = libraryCodes[code] ?? code;
    headers['X-Error-Message'] = message;
  }
  if (status === 408) headers['Connection'] = 'close';
  else if (!request.complete) linger(request);
  const missing = known?.missing?.map((blob) => ({ ...blob }));
  const detail = { code, message, ...(missing === undefined ? {} : { missing }) };
  sendJson(response, status, headers, { error: refusal.style === 'library' ? message : detail });
}

function linger(request: IncomingMessage): void {
  request.on('error', () => undefined);
  request.resume();
  const late = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, LINGER_MS);
  late.unref();
  request.once('close', () => clearTimeout(late));
}

function retryAfter(error: unknown): string {
  const known = error instanceof HubError || error instanceof HttpError ? error.retryAfter : undefined;
  return String(Math.max(1, Math.ceil(known ?? 1)));
}
