import type { Request, RequestHandler } from 'express';
import { toBase64url, toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { encodeBundle } from '../../../wire/message/bundle.ts';
import type { Place, SignedHead } from '../../journal/index.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, logParameter, queryValue, sizeParameter } from '../parameters.ts';

/** DESIGN section 4: a receipt is served to whoever knows its requestId, proven in the newest head. */
export function receiptRoute(context: AppContext): RequestHandler {
  return (request, response) => {
    const place = choosePlace(context, context.journal.places(hexParameter(request.params['requestId'], 32)));
    const bundle = encodeBundle(context.journal.bundle(place));
    response.setHeader('Proofmark-Log', toHex(place.log));
    response.type('application/cbor').send(Buffer.from(bundle));
  };
}

/** A number that was used twice has two receipts: the later one of a current log is more likely the one wanted. */
function choosePlace({ workers }: AppContext, places: readonly Place[]): Place {
  const place = places.findLast(({ log }) => workers.byLog(log) !== undefined) ?? places[places.length - 1];
  if (place === undefined) throw new HttpError('receipt_unknown');
  return place;
}

export function headRoute(context: AppContext): RequestHandler {
  return (request, response) => {
    const log = logOrCurrent(context, request);
    const head = context.journal.newestHead(log);
    if (head === undefined) throw new HttpError('log_unknown');
    response.json({ log: toHex(log), ...headToJson(head) });
  };
}

/** Signed heads in order of size, a page at a time: what auditors compare to find two roots for one size. */
export function headsRoute(context: AppContext): RequestHandler {
  return (request, response) => {
    const log = logOrCurrent(context, request);
    const after = sizeParameter(queryValue(request, 'after') ?? '0');
    const heads = context.journal.heads(log, after, limits.headsPerPage);
    response.json({ log: toHex(log), heads: heads.map(headToJson) });
  };
}

export function consistencyRoute(context: AppContext): RequestHandler {
  return (request, response) => {
    const log = logOrCurrent(context, request);
    const first = sizeParameter(queryValue(request, 'first'));
    const second = sizeParameter(queryValue(request, 'second'));
    const proof = context.journal.consistency(log, first, second);
    response.json({ log: toHex(log), first, second, proof: proof.map(toBase64url) });
  };
}

/** The log that is named, or else that of a current worker: earlier logs stay provable after a restart. */
function logOrCurrent({ workers }: AppContext, request: Request): Uint8Array {
  return logParameter(request) ?? workers.any().log;
}

function headToJson({ size, head, signature }: SignedHead): Readonly<Record<string, unknown>> {
  return { size, head: toBase64url(head), signature: toBase64url(signature) };
}
