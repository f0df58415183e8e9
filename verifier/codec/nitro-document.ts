import type { CborMap, CborValue } from '../../wire/codec/cbor.ts';
import { limits } from '../../wire/limits.ts';
import { type MalformedCode, VerifierError } from '../errors.ts';
import { decodeEvidenceCbor } from './evidence-cbor.ts';

/** What a Nitro document says about itself. Nobody vouched for any of it yet. */
export interface ParsedNitroDocument {
  readonly moduleId: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** DER of the leaf, whose key signed the document. */
  readonly certificate: Uint8Array;
  /** DER of the CA certificates, root first. */
  readonly caBundle: readonly Uint8Array[];
  /** Absent and null mean the same: AWS's prose forbids null, and every genuine document has it. */
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
  /** Fields outside AWS's specification, by name. They are signed, and the policy says whether to tolerate them. */
  readonly unknownFields: readonly string[];
}

const PCR_BYTES = 48;
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'module_id',
  'digest',
  'timestamp',
  'pcrs',
  'certificate',
  'cabundle',
  'public_key',
  'user_data',
  'nonce',
]);

/**
 * verifier-checks N8 to N16. AWS writes the payload map with a definite length until 2025 and an indefinite one since,
 * in an order of its own, so this profile is wider than the one for our own bytes.
 */
export function parseNitroDocument(payload: Uint8Array): ParsedNitroDocument {
  const fields = decodeEvidenceCbor(
    payload,
    { maxBytes: limits.nitroPayloadBytes, maps: 'definite-or-indefinite', order: 'any' },
    'N8',
  );
  if (!isMap(fields)) throw refuse('document_field_invalid', 'N8', 'the payload is not a map');
  const names = [...fields.keys()];
  if (!names.every((name) => typeof name === 'string')) {
    throw refuse('document_field_invalid', 'N8', 'a field name that is not text');
  }
  // With one accepted value the digest tells a reader nothing, so it is checked and not kept.
  if (mandatory(fields, 'digest') !== 'SHA384') throw refuse('digest_unsupported', 'N11', 'not SHA384', 'digest');
  return {
    moduleId: readModuleId(mandatory(fields, 'module_id')),
    timestamp: readTimestamp(mandatory(fields, 'timestamp')),
    pcrs: readPcrs(mandatory(fields, 'pcrs')),
    certificate: readCertificate(mandatory(fields, 'certificate'), 'certificate'),
    caBundle: readBundle(mandatory(fields, 'cabundle')),
    publicKey: readBinding(fields, 'public_key', 1),
    userData: readBinding(fields, 'user_data', 0),
    nonce: readBinding(fields, 'nonce', 0),
    unknownFields: names.filter((name) => !KNOWN_FIELDS.has(name)),
  };
}

function isMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

function mandatory(fields: CborMap, name: string): CborValue {
  const value = fields.get(name);
  if (value === undefined || value === null) throw refuse('document_field_missing', 'N9', 'mandatory', name);
  return value;
}

function readModuleId(value: CborValue): string {
  // Printable ASCII, as every genuine id is: rules compare it and logs show it.
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(value)) {
    throw refuse('document_field_invalid', 'N9', 'not a module id', 'module_id');
  }
  return value;
}

function readTimestamp(value: CborValue): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0) {
    throw refuse('timestamp_invalid', 'N12', 'not a positive integer below 2^53', 'timestamp');
  }
  return value;
}

function readPcrs(value: CborValue): ReadonlyMap<number, Uint8Array> {
  if (!isMap(value) || value.size < 1 || value.size > limits.nsmPcrs) {
    throw refuse('pcrs_invalid', 'N13', `not a map of 1 to ${limits.nsmPcrs} entries`, 'pcrs');
  }
  const pcrs = new Map<number, Uint8Array>();
  for (const [index, content] of value) {
    if (typeof index !== 'number' || index < 0 || index >= limits.nsmPcrs) {
      throw refuse('pcrs_invalid', 'N13', `an index outside 0..${limits.nsmPcrs - 1}`, 'pcrs');
    }
    if (!(content instanceof Uint8Array) || content.length !== PCR_BYTES) {
      throw refuse('pcrs_invalid', 'N13', `PCR${index} has not the ${PCR_BYTES} bytes of SHA384`, 'pcrs');
    }
    pcrs.set(index, content);
  }
  return pcrs;
}

function readBundle(value: CborValue): readonly Uint8Array[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > limits.nitroBundleCertificates) {
    throw refuse('certificates_invalid', 'N14', `not a list of 1 to ${limits.nitroBundleCertificates}`, 'cabundle');
  }
  return (value as readonly CborValue[]).map((item, index) => readCertificate(item, `cabundle[${index}]`));
}

function readCertificate(value: CborValue, field: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length < 1 || value.length > limits.nitroCertificateBytes) {
    throw refuse('certificates_invalid', 'N14', `not 1 to ${limits.nitroCertificateBytes} bytes`, field);
  }
  return value;
}

function readBinding(fields: CborMap, field: string, min: number): Uint8Array | null {
  const value = fields.get(field) ?? null;
  if (value === null) return null;
  if (!(value instanceof Uint8Array) || value.length < min || value.length > limits.nitroBindingBytes) {
    throw refuse('document_field_invalid', 'N16', `not ${min} to ${limits.nitroBindingBytes} bytes`, field);
  }
  return value;
}

function refuse(code: MalformedCode, checkId: string, detail: string, field?: string): VerifierError {
  return new VerifierError(code, detail, { checkId, ...(field === undefined ? {} : { field }) });
}
