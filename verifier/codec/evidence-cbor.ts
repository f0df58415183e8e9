import { type CborProfile, type CborValue, decodeCbor } from '../../wire/codec/cbor.ts';
import { WireError, type WireErrorCode } from '../../wire/errors.ts';
import { VerifierError } from '../errors.ts';

const CHECK_OF: Partial<Record<WireErrorCode, string>> = {
  cbor_depth: 'X2',
  cbor_items: 'X2',
  trailing_bytes: 'X3',
  cbor_duplicate_key: 'X4',
};

/** `decodeCbor` with this library's errors. `checkId` is the check that a plain syntax error fails. */
export function decodeEvidenceCbor(bytes: Uint8Array, profile: CborProfile, checkId: string, base = 0): CborValue {
  try {
    return decodeCbor(bytes, profile);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new VerifierError('cbor_invalid', error.detail, {
      checkId: CHECK_OF[error.code] ?? checkId,
      ...(error.place.offset === undefined ? {} : { offset: base + error.place.offset }),
    });
  }
}
