import { equalBytes, isZero } from '../../wire/bytes.ts';
import { RSA_4096_BYTES } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import { type MalformedCode, VerifierError } from '../errors.ts';
import {
  contentOffset,
  contextTag,
  type DerElement,
  derBitStringBytes,
  derInteger,
  derNull,
  derOid,
  derRaw,
  derTag,
  derTime,
  inside,
  onlyElement,
  type TrailingZeroBits,
} from './der.ts';
import { parseEcdsaP384Signature } from './ecdsa-signature.ts';
import { isOnP384 } from './p384.ts';
import { parseRsa4096Key, type RsaPublicKey } from './rsa-key.ts';
import { isPss384Parameters } from './rsa-pss.ts';
import { type Extensions, parseExtensions } from './x509-extensions.ts';
import { type DistinguishedName, parseName } from './x509-name.ts';

export type SignatureValue =
  | { readonly kind: 'ecdsa-with-SHA384'; readonly fixed: Uint8Array }
  /** With SHA-384, MGF1 with SHA-384, a salt of 48 bytes and trailer 1; 512 bytes long. */
  | { readonly kind: 'RSASSA-PSS'; readonly value: Uint8Array }
  /** Well-formed and of no use to us: path validation refuses it by name. */
  | { readonly kind: 'other'; readonly oid: string };

export type SubjectKey =
  | { readonly kind: 'P-384'; readonly point: Uint8Array }
  | ({ readonly kind: 'RSA-4096' } & RsaPublicKey)
  | { readonly kind: 'other'; readonly oid: string };

/** A certificate that was read and not yet believed. Offsets and raw parts are of the bytes given. */
export interface ParsedCertificate {
  readonly bytes: Uint8Array;
  /** What is signed, as received. */
  readonly tbs: Uint8Array;
  /** Two's complement bytes; positive (or zero where that was allowed) and at most 20 bytes long. */
  readonly serial: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: SubjectKey;
  readonly extensions: Extensions;
  readonly signature: SignatureValue;
}

/** Where vendors differ in what their genuine certificates look like; everything else is one profile for all. */
export interface CertificateProfile {
  readonly serial: 'positive' | 'zero-too';
  /** Of the key usage. */
  readonly trailingZeroBits: TrailingZeroBits;
}

const strictProfile: CertificateProfile = { serial: 'positive', trailingZeroBits: 'refused' };

/**
 * AMD numbers every endorsement certificate 0 (verifier-checks C15), so that none can be revoked by number, and ends
 * the key usage of its intermediates with a zero bit.
 */
export const amdProfile: CertificateProfile = { serial: 'zero-too', trailingZeroBits: 'allowed' };

const OID_ECDSA_SHA384 = '1.2.840.10045.4.3.3';
const OID_EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const OID_P384 = '1.3.132.0.34';
const OID_RSA = '1.2.840.113549.1.1.1';
const OID_RSASSA_PSS = '1.2.840.113549.1.1.10';

/** RFC 5280 section 4.1, version 3 only, in the profile that hardware vendors use. Knows nothing of trust. */
export function parseCertificate(source: Uint8Array, profile: CertificateProfile = strictProfile): ParsedCertificate {
  if (source.length === 0 || source.length > limits.certificateBytes) {
    throw refuse('certificate_too_large', 'X1', `${source.length} bytes`, 0);
  }
  const bytes = new Uint8Array(source);
  const certificate = inside(onlyElement(bytes, derTag.sequence));
  const tbs = certificate.read(derTag.sequence);
  const outerAlgorithm = certificate.read(derTag.sequence);
  const signatureValue = certificate.read(derTag.bitString);
  certificate.end();

  const fields = inside(tbs);
  checkVersion(fields.readOptional(contextTag(0, 'constructed')), tbs.offset);
  const serial = parseSerial(fields.read(derTag.integer), profile);
  const innerAlgorithm = fields.read(derTag.sequence);
  const algorithm = parseAlgorithm(innerAlgorithm, outerAlgorithm);
  const issuer = parseName(fields.read(derTag.sequence));
  const validity = inside(fields.read(derTag.sequence));
  const notBefore = derTime(validity.readOptional(derTag.utcTime) ?? validity.read(derTag.generalizedTime));
  const notAfter = derTime(validity.readOptional(derTag.utcTime) ?? validity.read(derTag.generalizedTime));
  validity.end();
  const subject = parseName(fields.read(derTag.sequence));
  const key = parseKey(fields.read(derTag.sequence));
  // issuerUniqueID and subjectUniqueID ([1], [2]) are left over from version 2 and refused by `end`.
  const extensions = parseExtensions(fields.readOptional(contextTag(3, 'constructed')), profile.trailingZeroBits);
  fields.end();

  return {
    bytes,
    tbs: derRaw(tbs),
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    key,
    extensions,
    signature: parseSignature(algorithm, signatureValue),
  };
}

function checkVersion(element: DerElement | undefined, offset: number): void {
  if (element === undefined) throw refuse('certificate_version', 'C2', 'version 1', offset);
  const version = derInteger(onlyElement(element.contents, derTag.integer, contentOffset(element)));
  if (version.length !== 1 || version[0] !== 2) throw refuse('certificate_version', 'C2', 'not version 3', offset);
}

function parseSerial(element: DerElement, profile: CertificateProfile): Uint8Array {
  const serial = derInteger(element);
  if (profile.serial === 'zero-too' && isZero(serial)) return serial;
  const positive = (serial[0] as number) < 0x80 && !isZero(serial);
  // RFC 5280 section 4.1.2.2 counts the number's own 20 bytes; a sign byte may come before them.
  const length = serial[0] === 0 ? serial.length - 1 : serial.length;
  if (!positive || length > 20) {
    throw refuse('certificate_serial', 'C15', 'not a positive number of at most 20 bytes', element.offset);
  }
  return serial;
}

/** C3: the signed copy of the algorithm is the one that counts, so the other must be the same bytes. */
export function parseAlgorithm(inner: DerElement, outer: DerElement): Algorithm {
  if (!equalBytes(derRaw(inner), derRaw(outer))) {
    throw refuse('certificate_algorithm_mismatch', 'C3', 'signed and unsigned algorithm differ', outer.offset);
  }
  const cursor = inside(inner);
  const oid = derOid(cursor.read(derTag.oid));
  // RFC 5758 section 3.2: no parameters with ECDSA. Those of other algorithms are compared above and not read.
  if (oid === OID_ECDSA_SHA384) {
    cursor.end();
    return { kind: 'ecdsa-with-SHA384' };
  }
  if (oid !== OID_RSASSA_PSS) return { kind: 'other', oid };
  const parameters = cursor.read(derTag.sequence);
  cursor.end();
  return isPss384Parameters(derRaw(parameters)) ? { kind: 'RSASSA-PSS' } : { kind: 'other', oid };
}

export type Algorithm =
  | { readonly kind: 'ecdsa-with-SHA384' }
  | { readonly kind: 'RSASSA-PSS' }
  | { readonly kind: 'other'; readonly oid: string };

export function parseSignature(algorithm: Algorithm, element: DerElement): SignatureValue {
  const value = derBitStringBytes(element);
  switch (algorithm.kind) {
    case 'other':
      return algorithm;
    case 'ecdsa-with-SHA384':
      return { kind: algorithm.kind, fixed: parseEcdsaP384Signature(value, element.offset) };
    case 'RSASSA-PSS':
      // The one length of a signature under RSA-4096: any other would be refused by the key later.
      if (value.length === RSA_4096_BYTES) return { kind: algorithm.kind, value };
      throw refuse('certificate_signature_format', 'C18', `${value.length} bytes of RSASSA-PSS`, element.offset);
  }
}

function parseKey(element: DerElement): SubjectKey {
  const info = inside(element);
  const algorithm = inside(info.read(derTag.sequence));
  const value = info.read(derTag.bitString);
  info.end();
  const oid = derOid(algorithm.read(derTag.oid));
  const point = derBitStringBytes(value);
  if (oid !== OID_EC_PUBLIC_KEY) {
    const parameters = algorithm.readOptional(derTag.null);
    if (parameters !== undefined) derNull(parameters);
    const rsa = oid === OID_RSA && parameters !== undefined ? parseRsa4096Key(point, value.offset) : undefined;
    // RFC 8017 appendix A.1: rsaEncryption has NULL parameters and nothing after them.
    if (rsa === undefined || !algorithm.done) return { kind: 'other', oid };
    return { kind: 'RSA-4096', ...rsa };
  }
  // RFC 5480 section 2.1.1: a named curve, never spelt-out parameters (CVE-2020-0601 came from those).
  const curve = derOid(algorithm.read(derTag.oid));
  algorithm.end();
  if (curve !== OID_P384) return { kind: 'other', oid: curve };
  if (!isOnP384(point)) throw refuse('certificate_key', 'C5', 'not an uncompressed point of P-384', value.offset);
  return { kind: 'P-384', point };
}

function refuse(code: MalformedCode, checkId: string, detail: string, offset: number): VerifierError {
  return new VerifierError(code, detail, { checkId, offset });
}
