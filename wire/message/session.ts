import { concatBytes, readU32, u32 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

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
  return concatBytes(
    u32(value.bundle.length),
    value.bundle,
    Uint8Array.of(value.format),
    u32(value.jsonLength),
    value.body,
  );
}

export function decodeFinalRecord(data: Uint8Array): FinalRecord {
  const length = readU32(data, 0);
  if (length > limits.bundleBytes) throw new WireError('too_large', 'receipt bundle');
  const start = 4 + length;
  if (data.length < start + 5) throw new WireError('truncated', 'final record', { offset: data.length });
  const format = data[start] as number;
  if (format > 2) throw new WireError('field_invalid', 'unknown format', { field: 'format' });
  return {
    bundle: data.slice(4, start),
    format,
    jsonLength: readU32(data, start + 1),
    body: data.slice(start + 5),
  };
}
