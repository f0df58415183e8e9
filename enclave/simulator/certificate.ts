import { createHash } from 'node:crypto';
import forge from 'node-forge';
import type { SigningKey } from './signing.ts';

/**
 * X.509 certificates in the one profile that AWS Nitro chains use (verifier-checks, "Profiles seen in real evidence"):
 * P-384 keys, ecdsa-with-SHA384, a closed list of extensions in the order in which AWS writes them.
 */

const { asn1 } = forge;
type Asn1 = forge.asn1.Asn1;

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
  | { readonly kind: 'revocationList'; readonly url: string };

export interface CertificateRequest {
  readonly serial: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  /** Milliseconds since 1970; X.509 keeps whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subjectPoint: Uint8Array;
  readonly extensions: readonly Extension[];
}

export function issueCertificate(request: CertificateRequest, issuerKey: SigningKey): Uint8Array {
  const tbs = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(request.serial),
    sequence(oid(OID.ecdsaWithSha384)),
    name(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    name(request.subject),
    sequence(sequence(oid(OID.ecPublicKey), oid(OID.secp384r1)), bitString(request.subjectPoint, 0)),
    explicit(3, sequence(...request.extensions.map((extension) => extensionOf(extension, request, issuerKey)))),
  );
  const signature = issuerKey.sign(der(tbs));
  const ecdsa = sequence(integer(signature.subarray(0, 48)), integer(signature.subarray(48)));
  return der(sequence(tbs, sequence(oid(OID.ecdsaWithSha384)), bitString(der(ecdsa), 0)));
}

function extensionOf(extension: Extension, request: CertificateRequest, issuerKey: SigningKey): Asn1 {
  switch (extension.kind) {
    case 'authority': {
      const pathLength = extension.pathLength === 'unbounded' ? [] : [integer(Uint8Array.of(extension.pathLength))];
      return wrapped(OID.basicConstraints, 'critical', sequence(primitive(asn1.Type.BOOLEAN, '\xff'), ...pathLength));
    }
    case 'endEntity':
      return wrapped(OID.basicConstraints, 'critical', sequence());
    case 'authorityKey':
      return wrapped(OID.authorityKeyIdentifier, 'not critical', sequence(tagged(0, keyIdentifier(issuerKey.point))));
    case 'subjectKey':
      return wrapped(
        OID.subjectKeyIdentifier,
        'not critical',
        primitive(asn1.Type.OCTETSTRING, binary(keyIdentifier(request.subjectPoint))),
      );
    case 'keyUsage':
      return wrapped(OID.keyUsage, extension.criticality, keyUsage(extension.uses));
    case 'revocationList': {
      const fullName = constructed(0, constructed(0, tagged(6, new TextEncoder().encode(extension.url))));
      return wrapped(OID.crlDistributionPoints, 'not critical', sequence(sequence(fullName)));
    }
  }
}

/** RFC 5280 section 4.2.1.2, method 1. */
function keyIdentifier(point: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(point).digest());
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
  const critical = criticality === 'critical' ? [primitive(asn1.Type.BOOLEAN, '\xff')] : [];
  return sequence(oid(id), ...critical, primitive(asn1.Type.OCTETSTRING, binary(der(value))));
}

function name(attributes: Name): Asn1 {
  return sequence(
    ...attributes.map(([type, value]) =>
      asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [
        sequence(
          oid(ATTRIBUTE[type]),
          primitive(type === 'C' ? asn1.Type.PRINTABLESTRING : asn1.Type.UTF8, binary(new TextEncoder().encode(value))),
        ),
      ]),
    ),
  );
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
function time(milliseconds: number): Asn1 {
  const digits = new Date(milliseconds).toISOString().slice(0, 19).replace(/\D/g, '');
  return Number(digits.slice(0, 4)) < 2050
    ? primitive(asn1.Type.UTCTIME, `${digits.slice(2)}Z`)
    : primitive(asn1.Type.GENERALIZEDTIME, `${digits}Z`);
}

/** A non-negative INTEGER in its only DER spelling: no leading zero byte but the one that keeps the sign. */
function integer(magnitude: Uint8Array): Asn1 {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Uint8Array.of(0) : magnitude.subarray(first);
  const sign = (digits[0] as number) >= 0x80 ? '\0' : '';
  return primitive(asn1.Type.INTEGER, sign + binary(digits));
}

function bitString(bytes: Uint8Array, unused: number): Asn1 {
  return primitive(asn1.Type.BITSTRING, String.fromCharCode(unused) + binary(bytes));
}

function oid(id: string): Asn1 {
  return primitive(asn1.Type.OID, asn1.oidToDer(id).getBytes());
}

function sequence(...items: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [...items]);
}

function explicit(tag: number, item: Asn1): Asn1 {
  return constructed(tag, item);
}

function constructed(tag: number, item: Asn1): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [item]);
}

function tagged(tag: number, bytes: Uint8Array): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, binary(bytes));
}

function primitive(type: forge.asn1.Type, content: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, content);
}

/** node-forge holds bytes as strings of one character per byte. */
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function der(value: Asn1): Uint8Array {
  return new Uint8Array(Buffer.from(asn1.toDer(value).getBytes(), 'latin1'));
}
