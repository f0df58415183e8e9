import type { Suite } from '../../wire/crypto/suite.ts';
import type { ParsedCertificate } from '../codec/x509.ts';

/** SHA-256 of the signed part of a certificate. */
export type TbsDigests = (certificate: ParsedCertificate) => Promise<Uint8Array>;

/** One verification's digests: the cache, the deny list and the facts ask for the same ones. */
export function createTbsDigests(suite: Suite): TbsDigests {
  const known = new Map<ParsedCertificate, Promise<Uint8Array>>();
  return (certificate) => {
    const digest = known.get(certificate) ?? Promise.resolve(suite.sha256(certificate.tbs));
    known.set(certificate, digest);
    return digest;
  };
}
