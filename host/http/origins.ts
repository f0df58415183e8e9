import type { IncomingMessage, ServerResponse } from 'node:http';
import { nameRoute } from '../metrics/traffic.ts';
import { setCommonHeaders } from './answer.ts';

/** Pages of which origins may read what this host answers, as browsers ask (the Fetch standard's CORS protocol). */
export type AllowedOrigins = readonly string[] | 'any';

export interface Origins {
  /** Says to a browser that it may show the answer to its page. A preflight has its whole answer thereby. */
  welcome(request: IncomingMessage, response: ServerResponse): 'answered' | 'continues';
}

const METHODS = 'GET, POST';
const HEADERS = 'Content-Type, Accept, Proofmark-Request-Id, Authorization';
/** What a page needs of an unsealed answer to check it, and to come back in time. */
const READABLE = 'Proofmark-Request, Proofmark-Receipt, Proofmark-Log, Retry-After';
/** Chromium keeps two hours at most; what an operator takes back is to be taken back sooner. */
const KEPT_SECONDS = '3600';

/**
 * A page of any other origin gets what it gets without all this: an answer that its browser keeps from it. There is never
 * a word about credentials: keys are sent by the page that has them, and a browser adds none of its own.
 */
export function createOrigins(allowed: AllowedOrigins): Origins {
  const list = allowed === 'any' ? undefined : new Set(allowed);
  return {
    welcome(request, response) {
      const { origin } = request.headers;
      if (origin === undefined || (list !== undefined && !list.has(origin))) return 'continues';
      response.setHeader('Access-Control-Allow-Origin', list === undefined ? '*' : origin);
      if (list !== undefined) response.setHeader('Vary', 'Origin');
      if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
        response.setHeader('Access-Control-Expose-Headers', READABLE);
        return 'continues';
      }
      nameRoute(response, 'preflight');
      setCommonHeaders(response);
      response.setHeader('Access-Control-Allow-Methods', METHODS);
      response.setHeader('Access-Control-Allow-Headers', HEADERS);
      response.setHeader('Access-Control-Max-Age', KEPT_SECONDS);
      response.writeHead(204).end();
      return 'answered';
    },
  };
}
