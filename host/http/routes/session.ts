import type { RequestHandler } from 'express';
import { limits } from '../../../wire/limits.ts';
import { HANDSHAKE_MESSAGE_BYTES, SESSION_ID_BYTES } from '../../../wire/message/link.ts';
import { leaving, readBody, sendBytes } from '../body.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter } from '../parameters.ts';

const BINARY = 'application/octet-stream';

/** DESIGN section 5: the host carries Noise messages and records; it cannot read them. */
export function openSessionRoute({ link, budget }: AppContext): RequestHandler {
  return async (request, response) => {
    const rules = { types: [BINARY], maxBytes: HANDSHAKE_MESSAGE_BYTES, budget };
    const message1 = await readBody(request, response, rules);
    if (message1.length !== HANDSHAKE_MESSAGE_BYTES) throw new HttpError('request_invalid');
    sendBytes(response, budget, BINARY, await link.handshake(message1, { signal: leaving(response) }));
  };
}

export function sealedRoute({ link, budget }: AppContext): RequestHandler {
  return async (request, response) => {
    const sessionId = hexParameter(request.params['id'], SESSION_ID_BYTES);
    const record = await readBody(request, response, { types: [BINARY], maxBytes: limits.recordBytes, budget });
    if (record.length === 0) throw new HttpError('request_invalid');
    sendBytes(response, budget, BINARY, await link.sealed(sessionId, record, { signal: leaving(response) }));
  };
}
