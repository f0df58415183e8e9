import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import { bytes, integer, literal, object, type Reader } from '../codec/fields.ts';
import { limits } from '../limits.ts';
import { REQUEST_HEADER_BYTES } from './request.ts';

/**
 * What a requester disclosed (flag bit 0 of its header): the whole of one request and its answer, as a host keeps it for
 * auditors. The receipt binds every byte of it, so that whoever brings it need not be believed.
 */
export interface Disclosed {
  readonly version: 1;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  readonly format: number;
  readonly jsonLength: number;
  readonly answer: Uint8Array;
}

const body = bytes({ min: 0, max: limits.bodyBytes });

const disclosed: Reader<Disclosed> = object<Disclosed>({
  version: literal(1),
  header: bytes(REQUEST_HEADER_BYTES),
  body,
  format: integer({ min: 0, max: 2 }),
  jsonLength: integer({ min: 0, max: limits.bodyBytes }),
  answer: body,
});

export function encodeDisclosed(value: Disclosed): Uint8Array {
  return encodeCbor(new Map<string, CborValue>(Object.entries(value) as [string, CborValue][]));
}

export function decodeDisclosed(encoded: Uint8Array): Disclosed {
  return disclosed(decodeCbor(encoded, strictCbor(limits.disclosedBytes)), 'disclosed');
}
