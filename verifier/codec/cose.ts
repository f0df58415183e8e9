import { equalBytes } from '../../wire/bytes.ts';
import { type CborValue, encodeCbor, strictCbor } from '../../wire/codec/cbor.ts';
import { limits } from '../../wire/limits.ts';
import { type MalformedCode, VerifierError } from '../errors.ts';
import { decodeEvidenceCbor } from './evidence-cbor.ts';

/** A COSE_Sign1 message (RFC 9052 section 4.2) with ES384, as an NSM makes it. Not yet verified. */
export interface ParsedCoseSign1 {
  readonly payload: Uint8Array;
  /** r || s, 96 bytes. */
  readonly signature: Uint8Array;
  /** The bytes that the signature is over, rebuilt from the received ones. */
  readonly signed: Uint8Array;
}

/** RFC 9052 section 4.2: the tag is optional, and no other tag means the same. */
const TAG_18 = 0xd2;
/** The map {1: -35}: alg is ES384. Its deterministic form has no other spelling. */
const PROTECTED_ES384 = Uint8Array.of(0xa1, 0x01, 0x38, 0x22);
const SIGNATURE_BYTES = 96;

export function parseCoseSign1(document: Uint8Array): ParsedCoseSign1 {
  const tagged = document[0] === TAG_18 ? 1 : 0;
  if (tagged === 0 && isTag(document[0])) throw refuse('cose_tag', 'N1', 'another tag, or 18 in a longer form');
  const message = decodeEvidenceCbor(
    document.subarray(tagged),
    strictCbor(limits.attestationDocumentBytes),
    'N2',
    tagged,
  );
  if (!Array.isArray(message) || message.length !== 4) {
    throw refuse('cose_structure', 'N2', 'not an array of four');
  }
  const [header, unprotected, payload, signature] = message as readonly CborValue[];
  if (!(header instanceof Uint8Array) || !equalBytes(header, PROTECTED_ES384)) {
    throw refuse('cose_protected_header', 'N3', 'not the bytes a1013822');
  }
  if (!(unprotected instanceof Map) || unprotected.size !== 0) {
    throw refuse('cose_unprotected_header', 'N4', 'not an empty map');
  }
  if (!(payload instanceof Uint8Array) || payload.length < 1 || payload.length > limits.nitroPayloadBytes) {
    throw refuse('cose_payload', 'N5', `not a byte string of 1 to ${limits.nitroPayloadBytes} bytes`);
  }
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) {
    throw refuse('cose_signature_length', 'N6', `not a byte string of ${SIGNATURE_BYTES} bytes`);
  }
  return { payload, signature, signed: sigStructure(header, payload) };
}

/** RFC 8949 section 3.1: the first three bits are 6. */
function isTag(first: number | undefined): boolean {
  return first !== undefined && first >> 5 === 6;
}

/** RFC 9052 section 4.4, without external data. */
function sigStructure(header: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', header, new Uint8Array(0), payload]);
}

function refuse(code: MalformedCode, checkId: string, detail: string): VerifierError {
  return new VerifierError(code, detail, { checkId });
}
