import type { ServerResponse } from 'node:http';

/** Every no of the console's own server. */
const refusals = {
  not_this_address: { status: 421, text: 'this server answers under its own loopback address only' },
  other_site: { status: 403, text: 'another site asked for this' },
  not_found: { status: 404, text: 'nothing is here' },
  method_not_allowed: { status: 405, text: 'this path takes another method' },
  request_invalid: { status: 400, text: 'the question is not one that is passed on' },
  request_too_large: { status: 413, text: 'the request is too large' },
  upstream_unreachable: { status: 502, text: 'the server behind this one cannot be reached' },
  upstream_redirected: { status: 502, text: 'the server behind this one sends elsewhere, which is not followed' },
  upstream_too_large: { status: 502, text: 'the answer is too large' },
  upstream_timeout: { status: 504, text: 'the server behind this one does not answer' },
} as const;

export type RefusalCode = keyof typeof refusals;

export const refusalCodes: readonly RefusalCode[] = Object.keys(refusals) as readonly RefusalCode[];

/** In the host's own form of errors, which the page's client reads. After a begun answer only its end can say no. */
export function refuse(response: ServerResponse, code: RefusalCode): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, text } = refusals[code];
  const body = JSON.stringify({ code, message: text });
  response.writeHead(status, {
    ...answerHeaders,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    // What is left of a refused body is not read.
    Connection: 'close',
  });
  response.end(body);
}

/** On what is passed on: whatever a host sends, on this origin it is data and never a page. */
export const answerHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};
