import type { IncomingMessage, ServerResponse } from 'node:http';
import { RECORDS_TYPE } from '../../wire/message/session.ts';
import { forward, readRequest } from './forward.ts';
import { consoleLimits } from './limits.ts';
import { hostPaths, isPassedOn, type PassedPaths } from './paths.ts';
import { refuse } from './refusal.ts';

/** What a host's answer may be on this origin. A page or a script of its making never is. */
const DATA_TYPES: readonly string[] = [
  'application/json',
  'application/octet-stream',
  'text/event-stream',
  'text/plain',
  RECORDS_TYPE,
];

/** What of a request means something to a host. */
const PASSED_HEADERS = ['content-type', 'accept', 'proofmark-request-id'] as const;

const HEADER_CHARACTERS = 256;

export type PassOn = (target: string, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Passes questions of the page on to the host or hub at `base`, and its answers back, both as they come. */
export function createHostProxy(base: string, idleMilliseconds: number, paths: PassedPaths = hostPaths): PassOn {
  return async (target, request, response) => {
    const method = request.method ?? '';
    const known = isPassedOn(method, target, paths);
    if (known === 'no') return refuse(response, 'not_found');
    if (known === 'other-method') return refuse(response, 'method_not_allowed');
    const body = method === 'POST' ? await readRequest(request, consoleLimits.requestBytes) : null;
    if (body === undefined) return refuse(response, 'request_too_large');
    forward(response, {
      url: new URL(`${base}${target}`),
      method: method === 'POST' ? 'POST' : 'GET',
      headers: passedHeaders(request),
      body,
      answerBytes: consoleLimits.answerBytes,
      idleMilliseconds,
      typeOf: dataType,
    });
  };
}

function passedHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    PASSED_HEADERS.flatMap((name) => {
      const value = request.headers[name];
      return typeof value === 'string' && value.length <= HEADER_CHARACTERS ? [[name, value] as const] : [];
    }),
  );
}

function dataType(answered: string): string {
  const [type = ''] = answered.split(';');
  return DATA_TYPES.find((known) => known === type.trim().toLowerCase()) ?? 'application/octet-stream';
}
