import { equalBytes, isZero } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { type ParsedRevocationList, parseRevocationList } from '../codec/crl.ts';
import { parseSnpEndorsement, type SnpEndorsement } from '../codec/snp-certificate.ts';
import { type ParsedSnpReport, parseSnpReport } from '../codec/snp-report.ts';
import { amdProfile, type ParsedCertificate, parseCertificate } from '../codec/x509.ts';
import { codeMeanings, isMalformed, type MalformedError, VerifierError } from '../errors.ts';
import type { Check } from '../result.ts';
import { type CheckName, checkOfError } from '../rules.ts';
import type { SnpEvidence } from './facts.ts';

/** One certificate with what AMD writes into those of endorsement keys; both are empty words in the others. */
export interface ParsedSnpCertificate {
  readonly certificate: ParsedCertificate;
  readonly endorsement: SnpEndorsement;
}

export interface ParsedSnpEvidence {
  readonly report: ParsedSnpReport;
  /** As given, without repetitions: which one is what is ruled on later. */
  readonly certificates: readonly ParsedSnpCertificate[];
  readonly revocationList: ParsedRevocationList | null;
}

/** What the parsers check, by the step in which they do. A step that ends without an error has passed all of it. */
const steps: readonly (readonly CheckName[])[] = [
  [
    { id: 'S1', title: 'the report has exactly 1184 bytes' },
    { id: 'S2', title: 'the report is of version 2, 3 or 5' },
    { id: 'S3', title: 'the report is signed with ECDSA P-384 and SHA-384' },
    { id: 'S4', title: 'everything that its version reserves is zero' },
    { id: 'S5.form', title: 'the kind of signing key is a defined one' },
    { id: 'S6.form', title: 'r and s fit 48 of their 72 bytes' },
    { id: 'S15.form', title: "the guest's policy has bit 17 set and no bit that is reserved" },
  ],
  [
    { id: 'X1', title: 'certificates and lists are within their numbers and sizes' },
    { id: 'C1', title: "certificates are strict DER, AMD's extensions too" },
    { id: 'C2', title: 'certificates are version 3' },
    { id: 'C3', title: 'the signed and the unsigned signature algorithm agree' },
    { id: 'C5', title: 'every P-384 key is an uncompressed point on the curve' },
    { id: 'C14', title: 'no extension appears twice' },
    { id: 'C15', title: 'serial numbers are positive, or zero as AMD numbers endorsement certificates' },
  ],
  [{ id: 'C19.form', title: 'a revocation list is strict DER, complete, and the only one' }],
];

export const snpParsing: readonly CheckName[] = steps.flat();

export type SnpParseReport =
  | { readonly checks: readonly Check[]; readonly evidence: ParsedSnpEvidence }
  | { readonly checks: readonly Check[]; readonly error: MalformedError };

/** Bytes to structure; knows nothing of keys, time or policy. `later` are the checks of the phases that follow. */
export function parseSnpEvidence(evidence: SnpEvidence, later: readonly CheckName[]): SnpParseReport {
  let finished = 0;
  try {
    const report = parseSnpReport(evidence.report);
    finished = 1;
    const certificates = parseCertificates(evidence.certificates);
    finished = 2;
    const revocationList = parseRevocationLists(evidence.revocationLists);
    finished = 3;
    const checks = listChecks(finished, undefined, []);
    return { checks, evidence: { report, certificates, revocationList } };
  } catch (error) {
    if (!isMalformed(error)) throw error;
    return { checks: listChecks(finished, error, later), error };
  }
}

function parseCertificates(sources: readonly Uint8Array[]): readonly ParsedSnpCertificate[] {
  if (sources.length > limits.snpCertificates) {
    throw new VerifierError('certificates_invalid', `${sources.length} certificates`, { checkId: 'X1' });
  }
  // The same intermediate and root often come twice, in a file of their own and beside the endorsement certificate.
  const different = sources.filter(
    (source, index) => !sources.slice(0, index).some((earlier) => equalBytes(earlier, source)),
  );
  return different.map((source) => {
    const index = sources.indexOf(source);
    try {
      const certificate = parseCertificate(source, amdProfile);
      const endorsement = parseSnpEndorsement(certificate);
      if (endorsement.kind === null && isZero(certificate.serial)) {
        throw new VerifierError('certificate_serial', 'zero in a certificate of a CA', { checkId: 'C15' });
      }
      return { certificate, endorsement };
    } catch (error) {
      if (!isMalformed(error)) throw error;
      throw new VerifierError(error.code, error.detail, { ...error.place, certificate: index });
    }
  });
}

function parseRevocationLists(sources: readonly Uint8Array[]): ParsedRevocationList | null {
  const [source] = sources;
  if (source === undefined) return null;
  const place = { checkId: 'C19.form' };
  if (sources.length > 1) {
    throw new VerifierError('revocation_list_invalid', `${sources.length} revocation lists`, place);
  }
  try {
    return parseRevocationList(source);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    // Which reader stumbled is in the detail; whose bytes they were is what the code says.
    throw new VerifierError('revocation_list_invalid', `${codeMeanings.malformed[error.code]}: ${error.detail}`, {
      ...error.place,
      ...place,
    });
  }
}

/** A limit of one kind can be passed in any step (`C18` in a certificate): the failed id decides. */
function listChecks(
  finished: number,
  error: MalformedError | undefined,
  later: readonly CheckName[],
): readonly Check[] {
  return [...steps, later].flatMap((names, step) =>
    names.map(({ id, title }): Check => {
      if (id === error?.checkId) return checkOfError({ id, title }, error);
      if (step < finished) return { id, title, outcome: 'passed', detail: 'parsed' };
      return { id, title, outcome: 'not-reached', detail: 'parsing failed' };
    }),
  );
}
