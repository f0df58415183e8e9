import type { RequestHandler } from 'express';
import { concatBytes, equalBytes, toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { type Archive, decodeArchive } from '../../../wire/message/archive.ts';
import { encodeBundle } from '../../../wire/message/bundle.ts';
import type { Disclosed } from '../../../wire/message/disclosed.ts';
import { decodeFindingRecord } from '../../../wire/message/finding-record.ts';
import { decodeReceipt, decodeTreeHead } from '../../../wire/message/receipt.ts';
import { decodeRequest, flag, requestPreimage, responsePreimage } from '../../../wire/message/request.ts';
import { requireAuditor } from '../../disclosed/asks.ts';
import type { HostAuditors } from '../../disclosed/auditors.ts';
import type { Findings } from '../../disclosed/findings.ts';
import type { DisclosedPlace, DisclosedStore } from '../../disclosed/store.ts';
import type { Journal } from '../../journal/index.ts';
import { BINARY_TYPE, JSON_TYPE, sendBytes } from '../answer.ts';
import { readBody } from '../body.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, sizeParameter } from '../parameters.ts';
import type { Handler } from '../router.ts';

/** What named auditors may ask, and what is brought for them. Absent where the operator names none. */
export interface Auditing {
  readonly auditors: () => HostAuditors;
  readonly store: DisclosedStore;
  readonly findings: Findings;
  readonly journal: Journal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A receipt by its place, which nobody else is told: others find one by the number of its request only. */
export function receiptAtRoute(auditing: Auditing): RequestHandler {
  return async (request, response) => {
    const place = placeOf(request.params);
    await requireAuditor(auditing.auditors(), request, place, auditing.now());
    await auditing.journal.caughtUp();
    response.setHeader('Proofmark-Log', toHex(place.log));
    response.type('application/cbor').send(Buffer.from(encodeBundle(auditing.journal.bundle(place))));
  };
}

export function disclosedRoute(auditing: Auditing): RequestHandler {
  return async (request, response) => {
    const place = placeOf(request.params);
    await requireAuditor(auditing.auditors(), request, place, auditing.now());
    const found = await auditing.store.find(place);
    if (found === undefined) throw new HttpError('disclosed_unknown');
    response.type('application/cbor').send(Buffer.from(found));
  };
}

function placeOf(parameters: Readonly<Record<string, unknown>>): DisclosedPlace {
  const { log, index } = parameters;
  return { log: hexParameter(log, 32), index: sizeParameter(typeof index === 'string' ? index : undefined) };
}

/** Whoever brings it: what counts is who signed it. */
export function findingsRoute({ findings }: Auditing): Handler {
  return async (exchange) => {
    const body = await readBody(exchange, { types: [JSON_TYPE, BINARY_TYPE], maxBytes: limits.findingBytes });
    const news = await findings.take(wellFormed(() => decodeFindingRecord(Uint8Array.from(body))));
    sendBytes(exchange, 200, ['Content-Type', JSON_TYPE], Buffer.from(JSON.stringify({ news })));
  };
}

/**
 * A sealed request that its requester disclosed: the host has its receipt, and what is in it comes with the requester's
 * own `.proofmark` file. The receipt binds every byte, so that it matters to nobody who brings them.
 */
export function bringRoute(auditing: Auditing): Handler {
  return async (exchange) => {
    const body = await readBody(exchange, { types: [BINARY_TYPE], maxBytes: limits.archiveBytes });
    const archive = wellFormed(() => decodeArchive(Uint8Array.from(body)));
    const { place, disclosed } = wellFormed(() => disclosedIn(archive));
    await auditing.journal.caughtUp();
    if (!equalBytes(auditing.journal.bundle(place).receipt, archive.receipt)) throw new HttpError('receipt_unknown');
    auditing.store.keep(place, disclosed);
    sendBytes(exchange, 200, ['Content-Type', JSON_TYPE], Buffer.from('{"kept":true}'));
  };
}

function disclosedIn({ receipt: encoded, head, request, response }: Archive): {
  readonly place: DisclosedPlace;
  readonly disclosed: Disclosed;
} {
  const receipt = decodeReceipt(encoded);
  if (request?.body == null || response?.body == null || (receipt.flags & flag.disclose) === 0n) {
    throw new HttpError('disclosure_refused');
  }
  const { header, headerBytes, body } = decodeRequest(concatBytes(request.header, request.body));
  const bound = responsePreimage({
    ...{ salt: header.salt, status: receipt.status, format: BigInt(response.format) },
    ...{ jsonLength: BigInt(response.jsonLength), bodyHash: sha256(response.body) },
  });
  const isWhole =
    equalBytes(sha256(requestPreimage(headerBytes, sha256(body))), receipt.requestHash) &&
    equalBytes(sha256(bound), receipt.responseHash);
  if (!isWhole) throw new HttpError('disclosure_refused');
  const { format, jsonLength } = response;
  return {
    place: { log: decodeTreeHead(head).log, index: Number(receipt.index) },
    disclosed: { version: 1, header: request.header, body: request.body, format, jsonLength, answer: response.body },
  };
}

function wellFormed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof WireError) throw new HttpError('request_invalid', { cause });
    throw cause;
  }
}
