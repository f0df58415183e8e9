import { toBase64url, utf8 } from '../bytes.ts';
import { base64urlBytes, literal, object, type Reader } from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { limits } from '../limits.ts';
import { type Evidence, evidenceReader, evidenceToJson } from './evidence.ts';

/**
 * What registers a log on a chain (DESIGN sections 3 and 8): evidence for a challenge of the registry, and the signer's word
 * that it answers the same challenge. The word is of use to the operator alone: a registry takes it from nobody else.
 */
export interface RegistrationEvidence {
  readonly version: 1;
  readonly evidence: Evidence;
  /** Over "proofmark register v1" || log || challenge. */
  readonly possession: Uint8Array;
}

const reader: Reader<RegistrationEvidence> = object<RegistrationEvidence>({
  version: literal(1),
  evidence: evidenceReader,
  possession: base64urlBytes(64),
});

export function encodeRegistrationEvidence({ evidence, possession }: RegistrationEvidence): Uint8Array {
  const text = { version: 1, evidence: evidenceToJson(evidence), possession: toBase64url(possession) };
  return utf8(JSON.stringify(text));
}

export function decodeRegistrationEvidence(encoded: Uint8Array): RegistrationEvidence {
  const most = { maxBytes: limits.evidenceBytes, maxValues: limits.evidenceValues };
  return reader(parseJson(encoded, most), 'registration');
}
