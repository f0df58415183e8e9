/** The exceptions of AWS KMS that the stand-in answers with. Names are AWS's (API reference, "Common errors" and Decrypt). */
export type KmsFaultName =
  | 'AccessDeniedException'
  | 'IncompleteSignature'
  | 'IncorrectKeyException'
  | 'InvalidCiphertextException'
  | 'InvalidSignatureException'
  | 'KMSInternalException'
  | 'MalformedPolicyDocumentException'
  | 'MissingAuthenticationTokenException'
  | 'NotFoundException'
  | 'SerializationException'
  | 'UnknownOperationException'
  | 'UnrecognizedClientException'
  | 'ValidationException';

export class KmsFault extends Error {
  readonly code: KmsFaultName;

  constructor(code: KmsFaultName, detail: string) {
    super(detail);
    this.name = 'KmsFault';
    this.code = code;
  }
}
