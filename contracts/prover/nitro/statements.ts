import type { ParsedCertificate } from '../../../verifier/codec/x509.ts';
import { type ParsedNitroEvidence, parseNitroEvidence } from '../../../verifier/nitro/parse.ts';
import type { P384Signature } from '../p384/index.ts';
import { NitroProofError } from './errors.ts';

const SCALAR_BYTES = 48;

/**
 * What NitroVerifier asks P384Verifier about a document: a statement for each certificate below the root, and one for
 * the document, in the order of the hints.
 */
export async function nitroStatements(document: Uint8Array): Promise<readonly P384Signature[]> {
  const { cose, certificates } = parse(document);
  const links = certificates.slice(1).map((subject, index) => {
    const issuer = certificates[index] as ParsedCertificate;
    return statement(subject.tbs, signatureOf(subject, index + 1), issuer, index + 1);
  });
  const leaf = certificates.at(-1) as ParsedCertificate;
  return Promise.all([...links, statement(cose.signed, cose.signature, leaf, certificates.length)]);
}

/** SHA-256 of the signed part of each certificate below the root: what `NitroVerifier.knownCertificates` is asked with. */
export async function nitroTbsDigests(document: Uint8Array): Promise<readonly Uint8Array[]> {
  const below = parse(document).certificates.slice(1);
  return Promise.all(below.map(async ({ tbs }) => digest('SHA-256', tbs)));
}

function parse(document: Uint8Array): ParsedNitroEvidence {
  const report = parseNitroEvidence(document, []);
  if ('evidence' in report) return report.evidence;
  throw new NitroProofError('document_malformed', `${report.error.code}: ${report.error.message}`);
}

async function statement(
  signed: Uint8Array,
  signature: Uint8Array,
  { key }: ParsedCertificate,
  subject: number,
): Promise<P384Signature> {
  if (key.kind !== 'P-384') {
    throw new NitroProofError('certificate_signature', 'no key on P-384', subject - 1);
  }
  return {
    hash: await digest('SHA-384', signed),
    r: signature.subarray(0, SCALAR_BYTES),
    s: signature.subarray(SCALAR_BYTES),
    publicKey: key.point,
  };
}

function signatureOf({ signature }: ParsedCertificate, index: number): Uint8Array {
  if (signature.kind === 'ecdsa-with-SHA384') return signature.fixed;
  throw new NitroProofError('certificate_signature', 'not ECDSA with SHA-384', index);
}

/** WebCrypto, which browsers have as well. The copy is one that no other thread can change. */
async function digest(algorithm: 'SHA-256' | 'SHA-384', bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, new Uint8Array(bytes)));
}
