/** Why there is nothing to send. Whatever was sent for such evidence, the contract would revert. */
export type SnpProofErrorCode =
  /** Not a report of 1184 bytes in a known version, or a certificate that cannot be read. */
  | 'evidence_malformed'
  /** Not one root, one intermediate and one endorsement certificate. */
  | 'chain_incomplete'
  /** A part is longer than the two bytes for its length can say. */
  | 'part_too_long';

export class SnpProofError extends Error {
  override readonly name = 'SnpProofError';
  readonly code: SnpProofErrorCode;

  constructor(code: SnpProofErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
