import { deepStrictEqual } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { derTag, inside, onlyElement } from '../../../verifier/codec/der.ts';
import { parseSnpEndorsement } from '../../../verifier/codec/snp-certificate.ts';
import { amdProfile, type ParsedCertificate, parseCertificate } from '../../../verifier/codec/x509.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { unlessMalformed } from '../refused.ts';
import { certificateSeeds } from './certificate-seeds.ts';

/** What is accepted has no byte too many or too few, and OpenSSL reads the same facts from it. */
export function fuzz(data: Uint8Array): void {
  unlessMalformed(() => parseCertificate(data));
  const certificate = unlessMalformed(() => parseCertificate(data, amdProfile));
  if (certificate === undefined) return;
  unlessMalformed(() => parseSnpEndorsement(certificate));
  deepStrictEqual(certificate.bytes, Uint8Array.from(data));
  for (const other of [data.subarray(0, -1), concatBytes(data, Uint8Array.of(0))]) {
    if (unlessMalformed(() => parseCertificate(other, amdProfile)) !== undefined) {
      throw new Error('a certificate with one byte more or less is read as well');
    }
  }
  if (isReadInFull(certificate)) deepStrictEqual(factsOf(certificate), platformFacts(data));
}

interface Facts {
  readonly serial: bigint;
  readonly notBefore: number;
  readonly notAfter: number;
}

function factsOf({ serial, notBefore, notAfter }: ParsedCertificate): Facts {
  return { serial: BigInt(`0x${toHex(serial)}`), notBefore, notAfter };
}

function platformFacts(data: Uint8Array): Facts {
  const { serialNumber, validFrom, validTo } = new X509Certificate(data);
  return { serial: BigInt(`0x${serialNumber}`), notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
}

/**
 * Where OpenSSL reads no more than we do. Algorithms that no path admits are carried by name, with parameters that
 * nobody reads, and attributes beside the common name are compared as raw bytes, whatever string they claim to be.
 */
function isReadInFull({ key, signature, issuer, subject }: ParsedCertificate): boolean {
  return key.kind !== 'other' && signature.kind !== 'other' && [issuer, subject].every(({ raw }) => hasPlainText(raw));
}

function hasPlainText(name: Uint8Array): boolean {
  const attributes = inside(onlyElement(name, derTag.sequence));
  while (!attributes.done) {
    const attribute = inside(inside(attributes.read(derTag.set)).read(derTag.sequence));
    attribute.read(derTag.oid);
    const { tag, contents } = attribute.readAny();
    if ((tag !== derTag.utf8String && tag !== derTag.printableString) || !isUtf8(contents)) return false;
  }
  return true;
}

export const seeds: readonly Uint8Array[] = certificateSeeds;
