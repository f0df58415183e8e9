import { limits } from '../../wire/limits.ts';
import { type ParsedCoseSign1, parseCoseSign1 } from '../codec/cose.ts';
import { type ParsedNitroDocument, parseNitroDocument } from '../codec/nitro-document.ts';
import { type ParsedCertificate, parseCertificate } from '../codec/x509.ts';
import { isMalformed, type MalformedError, VerifierError } from '../errors.ts';
import type { Check } from '../result.ts';
import { type CheckName, checkOfError } from '../rules.ts';

export interface ParsedNitroEvidence {
  readonly cose: ParsedCoseSign1;
  readonly document: ParsedNitroDocument;
  /** Root first, leaf last. */
  readonly certificates: readonly ParsedCertificate[];
}

/** What the parsers check, by the step in which they do. A step that ends without an error has passed all of it. */
const steps: readonly (readonly CheckName[])[] = [
  [{ id: 'X1', title: 'the document is no longer than a genuine one can be' }],
  [
    { id: 'N1', title: 'untagged, or tag 18' },
    { id: 'N2', title: 'a COSE_Sign1 array of exactly four' },
    { id: 'N3', title: 'the protected header is exactly ES384' },
    { id: 'N4', title: 'the unprotected header is empty' },
    { id: 'N5', title: 'the payload is a byte string of 1 to 16384 bytes' },
    { id: 'N6', title: 'the signature has exactly 96 bytes' },
  ],
  [
    { id: 'X2', title: 'nesting and item counts are bounded' },
    { id: 'X3', title: 'nothing follows the document' },
    { id: 'X4', title: 'no key appears twice' },
    { id: 'N8', title: 'the payload is a map with text keys in strict CBOR' },
    { id: 'N9', title: 'every mandatory field is present' },
    { id: 'N11', title: 'the digest is SHA384' },
    { id: 'N12', title: 'the timestamp is a positive exact integer' },
    { id: 'N13', title: '1 to 32 PCRs of 48 bytes' },
    { id: 'N14', title: 'certificates are within their number and size' },
    { id: 'N16', title: 'public_key, user_data and nonce are within their sizes' },
  ],
  [
    { id: 'C1', title: 'certificates are strict DER' },
    { id: 'C2', title: 'certificates are version 3' },
    { id: 'C3', title: 'the signed and the unsigned signature algorithm agree' },
    { id: 'C5', title: 'every P-384 key is an uncompressed point on the curve' },
    { id: 'C14', title: 'no extension appears twice' },
    { id: 'C15', title: 'serial numbers are positive and of at most 20 bytes' },
  ],
];

export const nitroParsing: readonly CheckName[] = steps.flat();

export type ParseReport =
  | { readonly checks: readonly Check[]; readonly evidence: ParsedNitroEvidence }
  | { readonly checks: readonly Check[]; readonly error: MalformedError };

/** Bytes to structure; knows nothing of keys, time or policy. `later` are the checks of the phases that follow. */
export function parseNitroEvidence(bytes: Uint8Array, later: readonly CheckName[]): ParseReport {
  let finished = 0;
  try {
    checkSize(bytes);
    finished = 1;
    const cose = parseCoseSign1(bytes);
    finished = 2;
    const document = parseNitroDocument(cose.payload);
    finished = 3;
    const certificates = [...document.caBundle, document.certificate].map(parseInChain);
    finished = 4;
    return { checks: listChecks(finished, undefined, []), evidence: { cose, document, certificates } };
  } catch (error) {
    if (!isMalformed(error)) throw error;
    return { checks: listChecks(finished, error, later), error };
  }
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > 0 && bytes.length <= limits.attestationDocumentBytes) return;
  const detail = bytes.length === 0 ? 'empty' : `more than ${limits.attestationDocumentBytes} bytes`;
  throw new VerifierError('document_too_large', detail, { checkId: 'X1' });
}

function parseInChain(bytes: Uint8Array, index: number): ParsedCertificate {
  try {
    return parseCertificate(bytes);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    throw new VerifierError(error.code, error.detail, { ...error.place, certificate: index });
  }
}

/** A limit of one kind can be passed in any step (`X2` in the payload, `C18` in a certificate): the failed id decides. */
function listChecks(
  finished: number,
  error: MalformedError | undefined,
  later: readonly CheckName[],
): readonly Check[] {
  return [...steps, later].flatMap((names, step) =>
    names.map(({ id, title }): Check => {
      if (id === error?.checkId) return checkOfError({ id, title }, error);
      if (step < finished) return { id, title, outcome: 'passed', detail: 'parsed' };
      return { id, title, outcome: 'not-reached', detail: 'parsing failed' };
    }),
  );
}
