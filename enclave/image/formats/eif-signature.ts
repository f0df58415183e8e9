import { type KeyObject, verify, X509Certificate } from 'node:crypto';
import { decodeCbor, encodeCbor } from '../../../wire/codec/cbor.ts';
import type { CborProfile } from '../../../wire/codec/cbor-scan.ts';
import { array, bytes, integer, literal, object, type Reader } from '../../../wire/codec/fields.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';
import { measureCertificate } from './pcr.ts';

/**
 * The signature section (aws-nitro-enclaves-image-format, src/utils/eif_signer.rs): a CBOR list of one map, the
 * certificate in PEM and a COSE_Sign1 over {register_index: 0, register_value: PCR0}. Its writer has no type for byte
 * strings and spells certificate, signature and register as lists of integers.
 */
export interface EifSignature {
  /** The signing certificate in DER. PCR8 measures it. Nobody checked who issued it, or when it is valid. */
  readonly certificate: Uint8Array;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly algorithm: CoseAlgorithm;
  readonly pcr8: Uint8Array;
  /** What the signature speaks of; which image this is, is for the caller to compare. */
  readonly signedPcr0: Uint8Array;
  /** Whether the certificate's key made it. */
  readonly isAuthentic: boolean;
}

type CoseAlgorithm = 'ES256' | 'ES384' | 'ES512';

interface Ecdsa {
  readonly name: CoseAlgorithm;
  readonly hash: string;
  readonly curve: string;
}

/** RFC 9053 section 2.1; AWS's tools tie each to one curve. */
const algorithms: ReadonlyMap<number, Ecdsa> = new Map([
  [-7, { name: 'ES256', hash: 'sha256', curve: 'prime256v1' }],
  [-35, { name: 'ES384', hash: 'sha384', curve: 'secp384r1' }],
  [-36, { name: 'ES512', hash: 'sha512', curve: 'secp521r1' }],
]);

const profile: CborProfile = { maxBytes: limits.eifSignatureBytes, maps: 'definite', order: 'any' };

const PCR_BYTES = 48;
const atMost = { min: 1, max: limits.eifSignatureBytes };

const readSection = array(object({ signing_certificate: integers(atMost), signature: integers(atMost) }), {
  min: 1,
  max: 1,
});
const readMessage = array((value: unknown) => value, { min: 4, max: 4 });
const readPayload = object({
  register_index: literal(0),
  register_value: integers({ min: PCR_BYTES, max: PCR_BYTES }),
});

export function readEifSignature(section: Uint8Array): EifSignature {
  try {
    return read(section);
  } catch (error) {
    if (error instanceof WireError) throw new ImageError('eif_signature', error.message);
    throw error;
  }
}

function read(section: Uint8Array): EifSignature {
  const [entry] = readSection(decodeCbor(section, profile), 'signatures');
  if (entry === undefined) throw new ImageError('eif_signature', 'no signature');
  const { certificate, key } = readCertificate(entry.signing_certificate);

  const message = readMessage(decodeCbor(entry.signature, profile), 'message');
  const [protectedHeader, unprotectedHeader, payload, signature] = message;
  if (!(unprotectedHeader instanceof Map) || unprotectedHeader.size !== 0) {
    throw new ImageError('eif_signature', 'something in the unprotected header');
  }
  const header = bytes(atMost)(protectedHeader, 'protected');
  const signed = bytes(atMost)(payload, 'payload');
  const algorithm = readAlgorithm(header);
  return {
    certificate: new Uint8Array(certificate.raw),
    subject: certificate.subject,
    issuer: certificate.issuer,
    notBefore: certificate.validFrom,
    notAfter: certificate.validTo,
    algorithm: algorithm.name,
    pcr8: measureCertificate(certificate.raw),
    signedPcr0: readPayload(decodeCbor(signed, profile), 'payload').register_value,
    isAuthentic: isSignedBy(key, algorithm, {
      // RFC 9052 section 4.4, without external data.
      message: encodeCbor(['Signature1', header, new Uint8Array(0), signed]),
      signature: bytes(atMost)(signature, 'signature'),
    }),
  };
}

function readAlgorithm(header: Uint8Array): Ecdsa {
  const map: unknown = decodeCbor(header, profile);
  const value: unknown = map instanceof Map && map.size === 1 ? map.get(1) : undefined;
  const algorithm = typeof value === 'number' ? algorithms.get(value) : undefined;
  if (algorithm === undefined) throw new ImageError('eif_signature', 'the protected header is not one known algorithm');
  return algorithm;
}

/** OpenSSL's reader of PEM, as in AWS's tools: what PCR8 measures is what that one makes of the text. */
function readCertificate(pem: Uint8Array): { readonly certificate: X509Certificate; readonly key: KeyObject } {
  const text = Buffer.from(pem).toString('latin1');
  if (text.split('-----BEGIN CERTIFICATE-----').length !== 2) {
    throw new ImageError('eif_signature', 'not one certificate in PEM');
  }
  try {
    const certificate = new X509Certificate(text);
    return { certificate, key: certificate.publicKey };
  } catch {
    throw new ImageError('eif_signature', 'the certificate cannot be read');
  }
}

function isSignedBy(
  key: KeyObject,
  { hash, curve }: Ecdsa,
  { message, signature }: { readonly message: Uint8Array; readonly signature: Uint8Array },
): boolean {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== curve) return false;
  return verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function integers(bounds: { readonly min: number; readonly max: number }): Reader<Uint8Array> {
  const read = array(integer({ min: 0, max: 255 }), bounds);
  return (value, path) => Uint8Array.from(read(value, path));
}
