import { parseSnpEndorsement } from '../../../verifier/codec/snp-certificate.ts';
import { type ParsedSnpReport, parseSnpReport } from '../../../verifier/codec/snp-report.ts';
import { amdProfile, parseCertificate, type SubjectKey } from '../../../verifier/codec/x509.ts';
import { isMalformed } from '../../../verifier/errors.ts';
import type { SnpEvidence } from '../../../verifier/index.ts';
import type { ParsedSnpCertificate } from '../../../verifier/snp/parse.ts';
import { assignRoles, type SnpChain } from '../../../verifier/snp/roles.ts';
import { equalBytes } from '../../../wire/bytes.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { P384ProofError, proveP384 } from '../p384/index.ts';
import { encodeSnpParts } from './encoding.ts';
import { SnpProofError } from './errors.ts';

/** The two arguments of SevSnpVerifier.verify and verifyReport. */
export interface SnpProof {
  readonly evidence: Uint8Array;
  readonly hints: Uint8Array;
}

/** Half of a signature's 96 bytes. */
const SCALAR = 48;

/**
 * Evidence in the form that the contract takes, and hints for the report's signature. Whoever relies on the contract
 * trusts nothing of this: evidence is sorted here and not judged, but for a signature that no hints exist for
 * (`P384ProofError`).
 */
export async function proveSnp(evidence: SnpEvidence, { suite }: { readonly suite: Suite }): Promise<SnpProof> {
  const { report, chain } = read(evidence);
  const parts = {
    report: evidence.report,
    endorsement: chain.leaf.certificate.bytes,
    intermediate: chain.intermediate.bytes,
    root: await suite.sha256(chain.root.bytes),
  };
  return { evidence: encodeSnpParts(parts), hints: await hintsFor(report, chain.leaf.certificate.key, suite) };
}

async function hintsFor({ signed, signature }: ParsedSnpReport, key: SubjectKey, suite: Suite): Promise<Uint8Array> {
  if (key.kind !== 'P-384') throw new P384ProofError('key_format', 'the endorsement key is not on P-384');
  return proveP384({
    hash: await suite.sha384(signed),
    r: signature.subarray(0, SCALAR),
    s: signature.subarray(SCALAR),
    publicKey: key.point,
  });
}

function read(evidence: SnpEvidence): { readonly report: ParsedSnpReport; readonly chain: SnpChain } {
  try {
    const report = parseSnpReport(evidence.report);
    const roles = assignRoles(different(evidence.certificates).map(readCertificate), report);
    if (roles.ok) return { report, chain: roles.chain };
    throw new SnpProofError('chain_incomplete', roles.detail);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    throw new SnpProofError('evidence_malformed', error.message, error);
  }
}

function readCertificate(bytes: Uint8Array): ParsedSnpCertificate {
  const certificate = parseCertificate(bytes, amdProfile);
  return { certificate, endorsement: parseSnpEndorsement(certificate) };
}

/** The same intermediate and root often come twice, in a file of their own and beside the endorsement certificate. */
function different(sources: readonly Uint8Array[]): readonly Uint8Array[] {
  return sources.filter((source, index) => sources.findIndex((earlier) => equalBytes(earlier, source)) === index);
}
