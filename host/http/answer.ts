import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventSink } from '../errors.ts';
import { type ErrorStyle, errorBody, explanations, type HostErrorCode, hostErrorCode, retryAfter } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { pathOf } from './router.ts';

export const JSON_TYPE = 'application/json';
export const BINARY_TYPE = 'application/octet-stream';

/** On every answer. In pairs of name and value, as `writeHead` takes them without making an object of them. */
const commonHeaders: readonly string[] = [
  'Cache-Control',
  'no-store',
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
];

export function setCommonHeaders(response: ServerResponse): void {
  for (let i = 0; i < commonHeaders.length; i += 2) {
    response.setHeader(commonHeaders[i] as string, commonHeaders[i + 1] as string);
  }
}

/** Begins an answer; headers are names and values in turn. */
export function begin(response: ServerResponse, status: number, headers: readonly string[]): void {
  response.writeHead(status, [...commonHeaders, ...headers]);
}

/** Up to here a body goes out as text behind its headers: one write, where bytes would need two in one `writev`. */
const ONE_WRITE_BYTES = 4_096;

/** Sends a whole answer, which counts until the client has taken it. */
export function sendBytes(exchange: Exchange, status: number, headers: readonly string[], bytes: Uint8Array): void {
  const { response } = exchange;
  if (response.destroyed) return;
  exchange.add(bytes.length);
  begin(response, status, [...headers, 'Content-Length', String(bytes.length)]);
  if (bytes.length > ONE_WRITE_BYTES) response.end(bytes);
  else response.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), 'latin1');
}

/** Tells the operator what went wrong on this side; what a client got wrong is its own affair. */
export function reportFailure(error: unknown, onEvent: EventSink): HostErrorCode {
  const code = hostErrorCode(error);
  if (explanations[code].status >= 500) onEvent({ event: 'request_failed', code });
  return code;
}

/** The one place where errors become answers: a code and its fixed text, whatever was thrown. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  onEvent: EventSink,
): void {
  const code = reportFailure(error, onEvent);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = Buffer.from(errorBody(error, errorStyle(request.url ?? '/')));
  const headers = ['Content-Type', `${JSON_TYPE}; charset=utf-8`, 'Content-Length', String(body.length)];
  const wait = retryAfter(error);
  if (wait !== undefined) headers.push('Retry-After', wait);
  // RFC 9110 section 11.6.1 asks for it with every 401.
  if (code === 'key_required') headers.push('WWW-Authenticate', 'Bearer');
  // What is still to come of a refused body is not read.
  if (!request.complete || code === 'shutting_down') headers.push('Connection', 'close');
  begin(response, explanations[code].status, headers);
  response.end(body);
}

/** Clients of either inference protocol read errors in the shape that their libraries know. */
function errorStyle(url: string): ErrorStyle {
  const path = pathOf(url);
  if (path === '/v2' || path.startsWith('/v2/')) return 'oip';
  return /^\/v1\/(chat|completions|models)(\/|$)/.test(path) ? 'openai' : 'host';
}
