import type { RequestHandler } from 'express';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { HANDSHAKE_MESSAGE_BYTES, SESSION_ID_BYTES } from '../../../wire/message/link.ts';
import { decodeCharged } from '../../../wire/message/session.ts';
import { leaving, readBody, sendBytes } from '../body.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, logParameter } from '../parameters.ts';

const BINARY = 'application/octet-stream';

/** DESIGN section 5: the host carries Noise messages and records; it cannot read them. */
export function openSessionRoute({ workers, budget }: AppContext): RequestHandler {
  return async (request, response) => {
    workers.assertRoom();
    const log = logParameter(request);
    const rules = { types: [BINARY], maxBytes: HANDSHAKE_MESSAGE_BYTES, budget };
    const message1 = await readBody(request, response, rules);
    if (message1.length !== HANDSHAKE_MESSAGE_BYTES) throw new HttpError('request_invalid');
    const asked = { signal: leaving(response), ...(log === undefined ? {} : { log }) };
    sendBytes(response, budget, BINARY, await workers.handshake(message1, asked));
  };
}

export function sealedRoute({ workers, budget, unpaid }: AppContext): RequestHandler {
  return async (request, response) => {
    const sessionId = hexParameter(request.params['id'], SESSION_ID_BYTES);
    workers.assertRoom();
    if (unpaid === 'refuse') throw new HttpError('payment_required');
    const record = await readBody(request, response, { types: [BINARY], maxBytes: limits.recordBytes, budget });
    if (record.length === 0) throw new HttpError('request_invalid');
    sendBytes(response, budget, BINARY, await workers.sealed(sessionId, record, { signal: leaving(response) }));
  };
}

/** The same for records that charge a channel: passed on once what is shown of them was admitted. */
export function chargedRoute(context: AppContext): RequestHandler {
  const { workers, budget, admission } = context;
  return async (request, response) => {
    const sessionId = hexParameter(request.params['id'], SESSION_ID_BYTES);
    workers.assertRoom();
    if (admission === undefined) throw new HttpError('payment_not_offered');
    const maxBytes = limits.recordBytes + SHOWN_BYTES;
    const payload = await readBody(request, response, { types: [BINARY], maxBytes, budget });
    await admission.admit(shownIn(payload), workers.ofSession(sessionId));
    sendBytes(response, budget, BINARY, await workers.charged(sessionId, payload, { signal: leaving(response) }));
  };
}

/** A channel with its signature is the longest that is shown. */
const SHOWN_BYTES = 4 + 1 + 7 * 32 + 64;

function shownIn(payload: Uint8Array): Uint8Array {
  try {
    return decodeCharged(payload).shown;
  } catch (error) {
    if (error instanceof WireError) throw new HttpError('request_invalid', { cause: error });
    throw error;
  }
}
