import { concatBytes, readU32, u32 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytes32Word, WORD } from '../words.ts';

/**
 * What lies inside sealed records, after padding is taken off. Towards the worker each record starts with one byte that
 * says what it is; DESIGN sections 4 and 5 name all four. A worker refuses the kinds that it does not serve.
 */
export const recordKind = { request: 0x00, channel: 0x01, voucher: 0x02, cancel: 0x03 } as const;

export function encodeSealedRequest(headerBytes: Uint8Array, body: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(recordKind.request), headerBytes, body);
}

/** The kind of a record and the rest of it. */
export function decodeRecordKind(data: Uint8Array): { readonly kind: number; readonly rest: Uint8Array } {
  const kind = data[0];
  if (kind === undefined || kind > recordKind.cancel) throw new WireError('record_invalid', 'unknown record kind');
  return { kind, rest: data.subarray(1) };
}

const MODEL_WORD = 1;
const CHANNEL_WORD = 7;

/**
 * What a client shows the host, outside the seal, of a record that charges a channel (DESIGN section 5): channel and
 * voucher records as they are, of a request its first byte, model and channel. The worker compares.
 */
export function shownOf(data: Uint8Array): Uint8Array {
  if (data[0] !== recordKind.request) return data;
  const word = (index: number): Uint8Array => data.subarray(1 + index * WORD, 1 + (index + 1) * WORD);
  return concatBytes(data.subarray(0, 1), word(MODEL_WORD), word(CHANNEL_WORD));
}

/** u32 length || what is shown || the record. */
export function encodeCharged(shown: Uint8Array, record: Uint8Array): Uint8Array {
  return concatBytes(u32(shown.length), shown, record);
}

export function decodeCharged(payload: Uint8Array): { readonly shown: Uint8Array; readonly record: Uint8Array } {
  const end = 4 + readU32(payload, 0);
  if (payload.length < end) throw new WireError('truncated', 'what is shown', { offset: payload.length });
  return { shown: payload.slice(4, end), record: payload.subarray(end) };
}

/** A cancel record names the request that it ends; the answer of that request then comes with status 1. */
export function encodeCancel(requestId: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(recordKind.cancel), bytes32Word(requestId));
}

export function decodeCancel(rest: Uint8Array): Uint8Array {
  if (rest.length !== WORD) throw new WireError('record_invalid', 'a cancel record names one request');
  return rest.slice();
}

/**
 * The media type of an answer in several records, each behind its length as u32. A client that asks for a stream accepts
 * this one; any other answer is one record and nothing around it.
 */
export const RECORDS_TYPE = 'application/vnd.proofmark.records';

export function encodeRecordFrame(record: Uint8Array): Uint8Array {
  return concatBytes(u32(record.length), record);
}

export interface RecordFrames {
  /** The records that are complete with this chunk. Throws where a length is more than any record has. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** False inside a record: the stream was cut off. */
  readonly complete: boolean;
}

export function createRecordFrames(): RecordFrames {
  let chunks: Uint8Array[] = [];
  let size = 0;
  /** Bytes that the next record needs with its length, as far as it is known. */
  let needed = 4;

  function take(records: Uint8Array[]): void {
    const all = concatBytes(...chunks);
    let start = 0;
    for (;;) {
      const rest = all.length - start;
      needed = 4;
      if (rest < needed) break;
      const length = readU32(all, start);
      if (length > limits.recordBytes) throw new WireError('too_large', `a record of ${length} bytes`);
      needed = 4 + length;
      if (rest < needed) break;
      records.push(all.slice(start + 4, start + needed));
      start += needed;
    }
    chunks = [all.slice(start)];
    size = all.length - start;
  }

  return {
    push(chunk) {
      const records: Uint8Array[] = [];
      chunks.push(Uint8Array.from(chunk));
      size += chunk.length;
      // Joined once there is enough: a record that comes in many chunks is copied twice, however many they are.
      if (size >= needed) take(records);
      return records;
    },
    get complete() {
      return size === 0;
    },
  };
}

/**
 * The last record of an answer: u32 length of the receipt bundle || bundle || what remains of the body. The words that a
 * plain answer has in HTTP headers travel here, where the host cannot change them.
 */
export interface FinalRecord {
  readonly bundle: Uint8Array;
  readonly format: number;
  readonly jsonLength: number;
  readonly body: Uint8Array;
}

export function encodeFinalRecord(value: FinalRecord): Uint8Array {
  return concatBytes(...finalRecordParts(value));
}

export function finalRecordParts({ bundle, format, jsonLength, body }: FinalRecord): readonly Uint8Array[] {
  return [u32(bundle.length), bundle, Uint8Array.of(format), u32(jsonLength), body];
}

/** Bundle and body are views of `data`, which is an opened record or a frame's payload: copies of either cost a small call much. */
export function decodeFinalRecord(data: Uint8Array): FinalRecord {
  const length = readU32(data, 0);
  if (length > limits.bundleBytes) throw new WireError('too_large', 'receipt bundle');
  const start = 4 + length;
  if (data.length < start + 5) throw new WireError('truncated', 'final record', { offset: data.length });
  const format = data[start] as number;
  if (format > 2) throw new WireError('field_invalid', 'unknown format', { field: 'format' });
  return {
    bundle: data.subarray(4, start),
    format,
    jsonLength: readU32(data, start + 1),
    body: data.subarray(start + 5),
  };
}
