/** Why a proof proves nothing. Codes are API. */
export type ProofErrorCode =
  /** The bytes are no circuit key. */
  | 'key_malformed'
  /** Points with which whoever likes proves whatever he likes. */
  | 'key_degenerate'
  | 'proof_malformed'
  /** Of another circuit than the key's. */
  | 'circuit_mismatch'
  /** A coordinate is not below the modulus of the curve's field. */
  | 'coordinate_range'
  /** A public signal is not below the order of the groups: another spelling of one that is. */
  | 'signal_range'
  | 'point_infinite'
  | 'point_off_curve'
  /** On the curve, and in none of the groups that the pairing is about. */
  | 'point_outside_subgroup'
  /** Everything is well formed, and the equation does not hold. */
  | 'proof_refused';

/** All codes, in the order in which they are looked for. */
export const proofErrorCodes: readonly ProofErrorCode[] = [
  'key_malformed',
  'key_degenerate',
  'proof_malformed',
  'circuit_mismatch',
  'signal_range',
  'coordinate_range',
  'point_infinite',
  'point_off_curve',
  'point_outside_subgroup',
  'proof_refused',
];

export class ProofError extends Error {
  override readonly name = 'ProofError';
  readonly code: ProofErrorCode;
  /** Which part: `key.beta`, `proof.a`, `point`; empty where it is the whole. */
  readonly place: string;

  constructor(code: ProofErrorCode, detail: string, place = '', options?: ErrorOptions) {
    super(`${code}: ${detail}${place === '' ? '' : ` in ${place}`}`, options);
    this.code = code;
    this.place = place;
  }
}
