import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { HANDSHAKE_MESSAGE_BYTES, SESSION_ID_BYTES } from '../../../wire/message/link.ts';
import { decodeCharged, encodeRecordFrame, RECORDS_TYPE } from '../../../wire/message/session.ts';
import { createLeaving } from '../../leaving.ts';
import type { AskOptions } from '../../worker-link.ts';
import { BINARY_TYPE, sendBytes } from '../answer.ts';
import { readBody } from '../body.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { hexParameter, logParameter, queryValue } from '../parameters.ts';
import type { Handler } from '../router.ts';
import { openStream } from '../stream.ts';

/** DESIGN section 5: the host carries Noise messages and records; it cannot read them. */
export function openSessionRoute({ workers }: AppContext): Handler {
  return async (exchange) => {
    workers.assertRoom();
    const log = logParameter(exchange.request);
    const model = queryValue(exchange.request, 'model');
    const modelId = model === undefined ? undefined : hexParameter(model, 32);
    const message1 = await readBody(exchange, { types: [BINARY_TYPE], maxBytes: HANDSHAKE_MESSAGE_BYTES });
    if (message1.length !== HANDSHAKE_MESSAGE_BYTES) throw new HttpError('request_invalid');
    const asked = {
      signal: exchange.signal,
      ...(log === undefined ? {} : { log }),
      // Records do not show what they are for: whoever says it here finds the model loaded.
      ...(modelId === undefined ? {} : { modelId }),
    };
    const answer = await workers.handshake(message1, asked);
    sendBytes(exchange, 200, ['Content-Type', BINARY_TYPE], answer);
  };
}

export function sealedRoute(context: AppContext): Handler {
  const { workers, unpaid } = context;
  return async (exchange, [id]) => {
    const sessionId = hexParameter(id, SESSION_ID_BYTES);
    workers.assertRoom();
    if (unpaid === 'refuse') throw new HttpError('payment_required');
    const record = await readBody(exchange, { types: [BINARY_TYPE], maxBytes: limits.recordBytes });
    if (record.length === 0) throw new HttpError('request_invalid');
    await carry(context, exchange, (options) => workers.sealed(sessionId, record, options));
  };
}

/** The same for records that charge a channel: passed on once what is shown of them was admitted. */
export function chargedRoute(context: AppContext): Handler {
  const { workers, admission } = context;
  return async (exchange, [id]) => {
    const sessionId = hexParameter(id, SESSION_ID_BYTES);
    workers.assertRoom();
    if (admission === undefined) throw new HttpError('payment_not_offered');
    const payload = await readBody(exchange, { types: [BINARY_TYPE], maxBytes: limits.recordBytes + SHOWN_BYTES });
    await admission.admit(shownIn(payload), workers.ofSession(sessionId));
    await carry(context, exchange, (options) => workers.charged(sessionId, payload, options));
  };
}

/**
 * Sends a record on and its answer back: as one record, or as a stream of them where the client takes one. A client that
 * gave the number of its request can fetch the answer later, so its leaving does not end the work (it may be paid for);
 * anybody else's does.
 */
async function carry(
  { kept }: AppContext,
  exchange: Exchange,
  ask: (options: AskOptions) => Promise<Uint8Array>,
): Promise<void> {
  const streamed = accepts(exchange, RECORDS_TYPE);
  const type = streamed ? RECORDS_TYPE : BINARY_TYPE;
  const requestId = requestIdOf(exchange);
  const keeping = requestId === undefined ? undefined : kept.begin(requestId, type);
  const stream = openStream(exchange, ['Content-Type', type]);
  const work = createLeaving();
  let isKept = keeping !== undefined;
  let refused = false;

  function endUnwanted(): void {
    if (exchange.signal.aborted && !isKept) work.abort();
  }

  function keep(bytes: Uint8Array): void {
    isKept = isKept && keeping?.add(bytes) === true;
    endUnwanted();
  }

  function onPiece(record: Uint8Array): void {
    if (!streamed) {
      refused = true;
      work.abort();
      return;
    }
    const frame = encodeRecordFrame(record);
    stream.write(frame);
    keep(frame);
  }

  exchange.signal.addEventListener('abort', endUnwanted, { once: true });
  try {
    const last = await ask({ signal: work.signal, onPiece });
    const bytes = streamed ? encodeRecordFrame(last) : last;
    keep(bytes);
    keeping?.finish();
    if (stream.begun) {
      stream.write(bytes);
      stream.end();
    } else {
      sendBytes(exchange, 200, ['Content-Type', type], bytes);
    }
  } catch (error) {
    keeping?.drop();
    throw refused ? new HttpError('stream_not_accepted', { cause: error }) : error;
  }
}

function accepts({ request }: Exchange, type: string): boolean {
  return (request.headers.accept ?? '').split(',').some((one) => one.split(';', 1)[0]?.trim().toLowerCase() === type);
}

const REQUEST_ID = 'proofmark-request-id';

/** The request's number once more, outside the seal, by choice of its client. */
function requestIdOf({ request }: Exchange): string | undefined {
  const value = request.headers[REQUEST_ID];
  if (value === undefined) return undefined;
  hexParameter(value, 32);
  return value as string;
}

/** What was kept of a sealed request whose client lost its connection. */
export function keptRoute({ kept }: AppContext): Handler {
  return async (exchange, [requestId]) => {
    hexParameter(requestId, 32);
    const found = kept.find(requestId as string);
    if (found === undefined) throw new HttpError('response_unknown');
    if (found === 'pending') sendBytes(exchange, 202, ['Retry-After', '1'], new Uint8Array(0));
    else sendBytes(exchange, 200, ['Content-Type', found.type], found.bytes);
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
