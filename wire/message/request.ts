import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { checked32, decodeWords, encodeWords, WORD, type WordRecord, writeUint } from '../words.ts';

/** DESIGN section 4. The worker takes meaning from these words only. */
export const requestHeaderLayout = [
  { name: 'requestId', kind: 'bytes32' },
  { name: 'modelId', kind: 'bytes32' },
  { name: 'operation', kind: 'uint', bits: 8 },
  { name: 'format', kind: 'uint', bits: 8 },
  { name: 'jsonLength', kind: 'uint', bits: 32 },
  { name: 'flags', kind: 'uint', bits: 8 },
  { name: 'salt', kind: 'bytes32' },
  { name: 'channel', kind: 'bytes32' },
  { name: 'unitPrice', kind: 'uint', bits: 128 },
  { name: 'maxFee', kind: 'uint', bits: 128 },
  { name: 'deadline', kind: 'uint', bits: 64 },
  { name: 'seed', kind: 'bytes32' },
] as const;

export type RequestHeader = WordRecord<typeof requestHeaderLayout>;

export const REQUEST_HEADER_BYTES: number = 12 * 32;

export const operation = { infer: 0n, chat: 1n, completion: 2n } as const;
export const format = { binary: 0n, json: 1n, integers: 2n } as const;
export const flag = { disclose: 1n, sealed: 2n, streamed: 4n } as const;
export const ALL_FLAGS: bigint = flag.disclose | flag.sealed | flag.streamed;

export function encodeRequestHeader(header: RequestHeader): Uint8Array {
  assertMeaning(header);
  return encodeWords(requestHeaderLayout, header);
}

/** Refuses values that no version of this protocol defines, so that unknown bits can never change a meaning silently. */
export function decodeRequestHeader(bytes: Uint8Array): RequestHeader {
  const header = decodeWords(requestHeaderLayout, bytes);
  assertMeaning(header);
  return header;
}

function assertMeaning(header: RequestHeader): void {
  if (header.operation > operation.completion) {
    throw new WireError('field_invalid', 'unknown operation', { field: 'operation' });
  }
  if (header.format > format.integers) throw new WireError('field_invalid', 'unknown format', { field: 'format' });
  if ((header.flags & ~ALL_FLAGS) !== 0n) throw new WireError('field_invalid', 'unknown flag', { field: 'flags' });
}

/**
 * `jsonLength` counts the leading bytes of a body that are JSON: all of a JSON body, the header of a binary one, none of
 * an integer one. One body thus has one spelling.
 */
export function checkJsonLength(bodyFormat: bigint, jsonLength: bigint, bodyLength: number): void {
  const length = BigInt(bodyLength);
  const right =
    bodyFormat === format.json
      ? jsonLength === length
      : bodyFormat === format.binary
        ? jsonLength > 0n && jsonLength <= length
        : jsonLength === 0n;
  if (!right) throw new WireError('field_invalid', 'does not fit the body', { field: 'jsonLength' });
}

/** A header and its body on the way to a worker: header words || body. */
export interface Request {
  readonly header: RequestHeader;
  readonly headerBytes: Uint8Array;
  readonly body: Uint8Array;
}

/** Header and body are views: of a frame's payload or an opened record, which nobody else writes to. */
export function decodeRequest(bytes: Uint8Array): Request {
  if (bytes.length < REQUEST_HEADER_BYTES) {
    throw new WireError('truncated', 'a request starts with its header', { offset: bytes.length });
  }
  if (bytes.length - REQUEST_HEADER_BYTES > limits.bodyBytes) throw new WireError('too_large', 'the request body');
  const headerBytes = bytes.subarray(0, REQUEST_HEADER_BYTES);
  const header = decodeRequestHeader(headerBytes);
  const body = bytes.subarray(REQUEST_HEADER_BYTES);
  checkJsonLength(header.format, header.jsonLength, body.length);
  return { header, headerBytes, body };
}

/** Preimage of `requestHash`: 0x02 || header || SHA-256(body). */
export function requestPreimage(headerBytes: Uint8Array, bodyHash: Uint8Array): Uint8Array {
  if (headerBytes.length !== REQUEST_HEADER_BYTES) throw new WireError('word_invalid', 'not a request header');
  return concatBytes(Uint8Array.of(0x02), headerBytes, checked32(bodyHash));
}

export interface ResponseFacts {
  readonly salt: Uint8Array;
  readonly status: bigint;
  readonly format: bigint;
  readonly jsonLength: bigint;
  readonly bodyHash: Uint8Array;
}

/** Preimage of `responseHash`: 0x03 || salt || status || format || jsonLength || SHA-256(body). */
export function responsePreimage(facts: ResponseFacts): Uint8Array {
  const out = new Uint8Array(1 + 5 * WORD);
  out[0] = 0x03;
  out.set(checked32(facts.salt), 1);
  writeUint(out, 1 + WORD, facts.status, 8);
  writeUint(out, 1 + 2 * WORD, facts.format, 8);
  writeUint(out, 1 + 3 * WORD, facts.jsonLength, 32);
  out.set(checked32(facts.bodyHash), 1 + 4 * WORD);
  return out;
}

/** DESIGN section 4: what units cost, never more than the requester allowed. One rule for whoever charges and whoever checks. */
export function feeFor(header: RequestHeader, units: bigint): bigint {
  const owed = header.unitPrice * units;
  if (owed > header.maxFee) return header.maxFee;
  return owed;
}
