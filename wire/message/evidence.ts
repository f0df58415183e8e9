import { toBase64url, utf8 } from '../bytes.ts';
import { array, base64urlBytes, literal, object, oneOf, type Reader } from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { limits } from '../limits.ts';
import type { TeeName } from './identity.ts';

/**
 * DESIGN section 3: the evidence endpoint serves everything at once, so that a verifier needs no second source. None of
 * it is proven here; every byte field is exactly what some party signed or hashed.
 */
export interface Evidence {
  readonly version: 1;
  readonly tee: TeeName;
  readonly document: Uint8Array;
  /** Certificates that the document does not carry itself (AMD's; none for Nitro). */
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
  /** The identity words; their hash is what the document binds. */
  readonly identity: Uint8Array;
  readonly configuration: Uint8Array;
  /** Preimage of the identity's `runtime`. */
  readonly runtime: Uint8Array;
}

export const evidenceReader: Reader<Evidence> = object<Evidence>({
  version: literal(1),
  tee: oneOf(['aws-nitro', 'amd-sev-snp']),
  document: base64urlBytes({ min: 1, max: limits.attestationDocumentBytes }),
  certificates: array(base64urlBytes({ min: 1, max: 8_192 }), { min: 0, max: 16 }),
  revocationLists: array(base64urlBytes({ min: 1, max: limits.evidenceBytes }), { min: 0, max: 8 }),
  identity: base64urlBytes(320),
  configuration: base64urlBytes({ min: 1, max: limits.configurationBytes }),
  runtime: base64urlBytes({ min: 1, max: limits.executionBytes }),
});

/** The JSON form with base64url text; used by the endpoint and inside `.proofmark` archives. */
export function evidenceToJson(evidence: Evidence): { readonly [key: string]: unknown } {
  return {
    version: evidence.version,
    tee: evidence.tee,
    document: toBase64url(evidence.document),
    certificates: evidence.certificates.map(toBase64url),
    revocationLists: evidence.revocationLists.map(toBase64url),
    identity: toBase64url(evidence.identity),
    configuration: toBase64url(evidence.configuration),
    runtime: toBase64url(evidence.runtime),
  };
}

export function encodeEvidence(evidence: Evidence): Uint8Array {
  return utf8(JSON.stringify(evidenceToJson(evidence)));
}

export function decodeEvidence(encoded: Uint8Array): Evidence {
  return evidenceReader(
    parseJson(encoded, { maxBytes: limits.evidenceBytes, maxValues: limits.evidenceValues }),
    'evidence',
  );
}
