import { type Extension, type Name, type PublicKey, signCertificate } from '../certificate.ts';
import { type Asn1, bitString, der, explicit, ia5String, integer, nullValue, oid, sequence } from '../der.ts';
import { type Product, profiles, type Tcb, tcbValues } from './product.ts';
import type { RsaSigningKey } from './rsa.ts';

/**
 * Certificates as AMD's key distribution service issues them: RSASSA-PSS throughout, P-384 leaves with serial 0 and
 * without any standard extension (verifier-checks, fact 7).
 */

const OID = {
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsassaPss: '1.2.840.113549.1.1.10',
  mgf1: '1.2.840.113549.1.1.8',
  sha384: '2.16.840.1.101.3.4.2.2',
  amd: '1.3.6.1.4.1.3704.1',
} as const;

/** As long as the hash (RFC 8017 section 9.1). */
export const PSS_SALT_BYTES = 48;

/** DER leaves out the trailer field, which has its default; AMD's authorities spell it out and its newer leaves do not. */
export type Trailer = 'written' | 'left out';

export interface SnpCertificateRequest {
  readonly serial: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subjectKey: PublicKey;
  readonly extensions: readonly Extension[];
  readonly trailer: Trailer;
  readonly salt: Uint8Array;
}

export function issueSnpCertificate(request: SnpCertificateRequest, issuerKey: RsaSigningKey): Uint8Array {
  return signCertificate(request, {
    publicKey: rsaPublicKey(issuerKey.modulus),
    algorithm: pssWithSha384(request.trailer),
    sign: (tbs) => issuerKey.sign(tbs, request.salt),
  });
}

/** AMD's attributes in AMD's order. */
export function snpName(commonName: string): Name {
  return [
    ['OU', 'Proofmark'],
    ['C', 'ZZ'],
    ['L', 'Nowhere'],
    ['ST', 'NA'],
    ['O', 'SIMULATED'],
    ['CN', commonName],
  ];
}

export function rsaPublicKey(modulus: Uint8Array): PublicKey {
  const bits = der(sequence(integer(modulus), integer(Uint8Array.of(1, 0, 1))));
  return { info: sequence(sequence(oid(OID.rsaEncryption), nullValue()), bitString(bits, 0)), bits };
}

/** RSASSA-PSS-params (RFC 8017 appendix A.2.3): SHA-384, MGF1 with SHA-384, a salt of 48 bytes, trailer 1. */
export function pssWithSha384(trailer: Trailer): Asn1 {
  const hash = (): Asn1 => sequence(oid(OID.sha384), nullValue());
  const parameters = [
    explicit(0, hash()),
    explicit(1, sequence(oid(OID.mgf1), hash())),
    explicit(2, integer(Uint8Array.of(PSS_SALT_BYTES))),
    ...(trailer === 'written' ? [explicit(3, integer(Uint8Array.of(1)))] : []),
  ];
  return sequence(oid(OID.rsassaPss), sequence(...parameters));
}

/** Which chip a leaf is for, or which cloud. */
export type Holder =
  | { readonly signer: 'vcek'; readonly chipId: Uint8Array }
  | { readonly signer: 'vlek'; readonly cspId: string };

/** AMD's own extensions in AMD's order: numbers as INTEGER, names as IA5String, the hardware id as bare bytes. */
export function leafExtensions(product: Product, tcb: Tcb, holder: Holder): readonly Extension[] {
  const { leafVersion, leafName } = profiles[product];
  return [
    vendor('1', der(integer(Uint8Array.of(leafVersion)))),
    vendor('2', der(ia5String(leafName[holder.signer]))),
    ...tcbValues(product, tcb).map(({ arc, value }) => vendor(`3.${arc}`, der(integer(Uint8Array.of(value))))),
    holder.signer === 'vcek' ? vendor('4', holder.chipId) : vendor('5', der(ia5String(holder.cspId))),
  ];
}

function vendor(arcs: string, value: Uint8Array): Extension {
  return { kind: 'vendor', id: `${OID.amd}.${arcs}`, value };
}
