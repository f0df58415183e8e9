/**
 * Why there are no hints for a document. The contract refuses such a document whatever hints come with it; `no_route` is
 * the exception that P384ProofError explains.
 */
export type NitroProofErrorCode =
  | 'document_malformed'
  | 'known_out_of_range'
  | 'certificate_signature'
  | 'document_signature'
  | 'no_route';

export class NitroProofError extends Error {
  override readonly name = 'NitroProofError';
  readonly code: NitroProofErrorCode;
  /** Of the certificate, the root being 0. */
  readonly certificate: number | undefined;

  constructor(code: NitroProofErrorCode, message: string, certificate?: number) {
    super(message);
    this.code = code;
    this.certificate = certificate;
  }
}
