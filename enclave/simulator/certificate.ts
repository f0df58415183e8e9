import { createHash } from 'node:crypto';
import {
  type Asn1,
  bitString,
  booleanTrue,
  der,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  printableString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts';
import type { SigningKey } from './signing.ts';

/**
 * X.509 certificates in the two profiles that the simulated vendors use, with a closed list of extensions in the order
 * in which the real ones write them. AWS Nitro chains have P-384 keys and ecdsa-with-SHA384 throughout
 * (`issueCertificate`); AMD's have keys and signatures of their own (`signCertificate`).
 */

const OID = {
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecPublicKey: '1.2.840.10045.2.1',
  secp384r1: '1.3.132.0.34',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  crlDistributionPoints: '2.5.29.31',
} as const;

const ATTRIBUTE = { C: '2.5.4.6', ST: '2.5.4.8', L: '2.5.4.7', O: '2.5.4.10', OU: '2.5.4.11', CN: '2.5.4.3' } as const;

/** A distinguished name, attribute by attribute, in the order written. */
export type Name = readonly (readonly [keyof typeof ATTRIBUTE, string])[];

export type KeyUse = 'digitalSignature' | 'nonRepudiation' | 'keyCertSign' | 'cRLSign';

export type Extension =
  | { readonly kind: 'authority'; readonly pathLength: number | 'unbounded' }
  | { readonly kind: 'endEntity' }
  | { readonly kind: 'authorityKey' }
  | { readonly kind: 'subjectKey' }
  | { readonly kind: 'keyUsage'; readonly uses: readonly KeyUse[]; readonly criticality: 'critical' | 'not critical' }
  | { readonly kind: 'revocationList'; readonly url: string }
  /** What only the vendor's own readers understand, so never critical. */
  | { readonly kind: 'vendor'; readonly id: string; readonly value: Uint8Array };

interface Contents {
  readonly serial: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  /** Milliseconds since 1970; X.509 keeps whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly Extension[];
}

export interface CertificateRequest extends Contents {
  readonly subjectPoint: Uint8Array;
}

export interface PublicKey {
  /** SubjectPublicKeyInfo. */
  readonly info: Asn1;
  /** The contents of its BIT STRING: what key identifiers are hashed from. */
  readonly bits: Uint8Array;
}

export interface CertificateSigner {
  readonly publicKey: PublicKey;
  readonly algorithm: Asn1;
  /** Returns the contents of the signature's BIT STRING. */
  readonly sign: (tbs: Uint8Array) => Uint8Array;
}

export function issueCertificate(request: CertificateRequest, issuerKey: SigningKey): Uint8Array {
  return signCertificate(
    { ...request, subjectKey: p384PublicKey(request.subjectPoint) },
    {
      publicKey: p384PublicKey(issuerKey.point),
      algorithm: sequence(oid(OID.ecdsaWithSha384)),
      sign: (tbs) => {
        const signature = issuerKey.sign(tbs);
        return der(sequence(integer(signature.subarray(0, 48)), integer(signature.subarray(48))));
      },
    },
  );
}

export function signCertificate(
  request: Contents & { readonly subjectKey: PublicKey },
  signer: CertificateSigner,
): Uint8Array {
  const extensions = request.extensions.map((extension) =>
    extensionOf(extension, request.subjectKey.bits, signer.publicKey.bits),
  );
  const tbs = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(request.serial),
    signer.algorithm,
    nameOf(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    nameOf(request.subject),
    request.subjectKey.info,
    explicit(3, sequence(...extensions)),
  );
  return der(sequence(tbs, signer.algorithm, bitString(signer.sign(der(tbs)), 0)));
}

export function p384PublicKey(point: Uint8Array): PublicKey {
  return { info: sequence(sequence(oid(OID.ecPublicKey), oid(OID.secp384r1)), bitString(point, 0)), bits: point };
}

export function extensionOf(extension: Extension, subjectBits: Uint8Array, issuerBits: Uint8Array): Asn1 {
  switch (extension.kind) {
    case 'authority': {
      const pathLength = extension.pathLength === 'unbounded' ? [] : [integer(Uint8Array.of(extension.pathLength))];
      return wrapped(OID.basicConstraints, 'critical', sequence(booleanTrue(), ...pathLength));
    }
    case 'endEntity':
      return wrapped(OID.basicConstraints, 'critical', sequence());
    case 'authorityKey':
      return wrapped(OID.authorityKeyIdentifier, 'not critical', sequence(implicit(0, keyIdentifier(issuerBits))));
    case 'subjectKey':
      return wrapped(OID.subjectKeyIdentifier, 'not critical', octetString(keyIdentifier(subjectBits)));
    case 'keyUsage':
      return wrapped(OID.keyUsage, extension.criticality, keyUsage(extension.uses));
    case 'revocationList': {
      const fullName = explicit(0, explicit(0, implicit(6, new TextEncoder().encode(extension.url))));
      return wrapped(OID.crlDistributionPoints, 'not critical', sequence(sequence(fullName)));
    }
    case 'vendor':
      return sequence(oid(extension.id), octetString(extension.value));
  }
}

/** RFC 5280 section 4.2.1.2, method 1. */
function keyIdentifier(bits: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(bits).digest());
}

const USE_BIT: Readonly<Record<KeyUse, number>> = {
  digitalSignature: 0x80,
  nonRepudiation: 0x40,
  keyCertSign: 0x04,
  cRLSign: 0x02,
};

function keyUsage(uses: readonly KeyUse[]): Asn1 {
  const bits = uses.reduce((sum, use) => sum | USE_BIT[use], 0);
  // DER: a named bit list ends with its last set bit (X.690 section 11.2.2).
  const unused = 31 - Math.clz32(bits & -bits);
  return bitString(Uint8Array.of(bits), unused);
}

function wrapped(id: string, criticality: 'critical' | 'not critical', value: Asn1): Asn1 {
  const critical = criticality === 'critical' ? [booleanTrue()] : [];
  return sequence(oid(id), ...critical, octetString(der(value)));
}

export function nameOf(attributes: Name): Asn1 {
  return sequence(
    ...attributes.map(([type, value]) =>
      setOf(sequence(oid(ATTRIBUTE[type]), type === 'C' ? printableString(value) : utf8String(value))),
    ),
  );
}
