import type { Request, RequestHandler } from 'express';
import { equalBytes, toBase64url, toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { encodeBundle, type ReceiptBundle } from '../../../wire/message/bundle.ts';
import { JournalError, type Place, type SignedHead } from '../../journal/index.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, logParameter, queryValue, sizeParameter } from '../parameters.ts';

/** DESIGN section 4: a receipt is served to whoever knows its requestId, proven in the newest head. */
export function receiptRoute(context: AppContext): RequestHandler {
  return (request, response) => {
    const places = context.journal.places(hexParameter(request.params['requestId'], 32));
    const { log, bundle } = chooseBundle(context, placesMeant(request, places));
    response.setHeader('Proofmark-Log', toHex(log));
    response.type('application/cbor').send(Buffer.from(encodeBundle(bundle)));
  };
}

/** Where the receipts of a number stand: one that was used twice has several, and whoever asks may want them all. */
export function placesRoute({ journal }: AppContext): RequestHandler {
  return (request, response) => {
    const requestId = hexParameter(request.params['requestId'], 32);
    const places = journal.places(requestId);
    if (places.length === 0) throw new HttpError('receipt_unknown');
    response.json({
      requestId: toHex(requestId),
      places: places.map(({ log, index }) => ({ log: toHex(log), index })),
    });
  };
}

/** All of them where nobody says which. */
function placesMeant(request: Request, places: readonly Place[]): readonly Place[] {
  const log = logParameter(request);
  const leaf = queryValue(request, 'index');
  const index = leaf === undefined ? undefined : sizeParameter(leaf);
  return places.filter(
    (place) => (log === undefined || equalBytes(place.log, log)) && (index === undefined || place.index === index),
  );
}

/**
 * A number that was used twice has two receipts: the later one of a current log is more likely the one wanted, and one
 * that is still kept more than one that is not.
 */
function chooseBundle(
  { workers, journal }: AppContext,
  places: readonly Place[],
): { readonly log: Uint8Array; readonly bundle: ReceiptBundle } {
  const isCurrent = ({ log }: Place): number => (workers.byLog(log) === undefined ? 0 : 1);
  let refusal: unknown = new HttpError('receipt_unknown');
  for (const place of places.toReversed().sort((a, b) => isCurrent(b) - isCurrent(a))) {
    try {
      return { log: place.log, bundle: journal.bundle(place) };
    } catch (error) {
      if (!(error instanceof JournalError) || error.code !== 'receipt_dropped') throw error;
      refusal = error;
    }
  }
  throw refusal;
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
