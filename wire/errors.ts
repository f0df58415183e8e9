/** Every way in which bytes can be refused by `wire/`. Codes are API: adding one is a change of the public surface. */
export type WireErrorCode =
  | 'too_large'
  | 'truncated'
  | 'trailing_bytes'
  | 'hex_invalid'
  | 'base64url_invalid'
  | 'word_invalid'
  | 'integer_out_of_range'
  | 'tag_mismatch'
  | 'cbor_malformed'
  | 'cbor_not_minimal'
  | 'cbor_indefinite'
  | 'cbor_duplicate_key'
  | 'cbor_key_order'
  | 'cbor_depth'
  | 'cbor_items'
  | 'cbor_tag'
  | 'cbor_utf8'
  | 'cbor_type'
  | 'json_malformed'
  | 'json_duplicate_key'
  | 'json_depth'
  | 'json_number'
  | 'json_surrogate'
  | 'json_utf8'
  | 'field_missing'
  | 'field_unknown'
  | 'field_invalid'
  | 'frame_invalid'
  | 'tensor_invalid'
  | 'tree_invalid'
  | 'proof_invalid'
  | 'signature_format'
  | 'signature_high_s'
  | 'signature_invalid'
  | 'key_invalid'
  | 'handshake_invalid'
  | 'record_invalid'
  | 'record_replayed'
  | 'record_exhausted'
  | 'padding_invalid';

/** Where in the input the refusal happened: a byte offset, a field name, or both. */
export interface WireErrorPlace {
  readonly offset?: number;
  readonly field?: string;
}

export class WireError extends Error {
  readonly code: WireErrorCode;
  /** What was found, without the code and the place: for whoever says those in another way. */
  readonly detail: string;
  readonly place: WireErrorPlace;

  constructor(code: WireErrorCode, detail: string, place: WireErrorPlace = {}) {
    const where = [
      place.field === undefined ? '' : ` in ${place.field}`,
      place.offset === undefined ? '' : ` at byte ${place.offset}`,
    ].join('');
    super(`${code}: ${detail}${where}`);
    this.name = 'WireError';
    this.code = code;
    this.detail = detail;
    this.place = place;
  }
}
