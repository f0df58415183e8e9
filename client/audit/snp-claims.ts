import { productOfCpu } from '../../verifier/codec/snp-product.ts';
import { readTcb } from '../../verifier/codec/snp-tcb.ts';
import type { Check, ParsedSnpReport, SnpEvidence, SnpProduct } from '../../verifier/index.ts';
import { provenProduct } from '../../verifier/snp/endorsement.ts';
import { parseSnpEvidence } from '../../verifier/snp/parse.ts';
import { isDebuggable } from '../../verifier/snp/platform-rules.ts';
import { assignRoles, type SnpChain } from '../../verifier/snp/roles.ts';
import { isZero, toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { certificateLinks, linkOf, provenLevel, type ShownCertificate, shownCertificates } from './links.ts';
import { type AuditReport, type Fact, type FactGroup, fact, type TrustLink } from './report.ts';
import { standingOf } from './standing.ts';

export interface SnpClaims {
  readonly report: ParsedSnpReport;
  /** null where the certificates shown make no chain. */
  readonly chain: SnpChain | null;
}

/** What a report and its certificates say, with nothing believed yet; null where they cannot even be read. */
export function readSnpClaims(evidence: SnpEvidence): SnpClaims | null {
  const parse = parseSnpEvidence(evidence, []);
  if ('error' in parse) return null;
  const { report, certificates } = parse.evidence;
  const roles = assignRoles(certificates, report);
  return { report, chain: roles.ok ? roles.chain : null };
}

/** When the endorsement certificate begins to be valid: a report carries no time of its own. */
export function snpLeafStart(claims: SnpClaims): number | null {
  return claims.chain?.leaf.certificate.notBefore ?? null;
}

const SIGNATURE = 'S6';
const ENDORSEMENT = ['S5', 'S7', 'S9', 'S13', SIGNATURE] as const;
const REVOCATION = 'S27';

export async function snpCertificates(
  claims: SnpClaims | null,
  suite: Pick<Suite, 'sha256'>,
): Promise<readonly ShownCertificate[]> {
  const chain = claims?.chain ?? null;
  return chain === null ? [] : shownCertificates([chain.root, chain.intermediate, chain.leaf.certificate], suite);
}

export function snpLevel(shown: readonly ShownCertificate[], checks: readonly Check[]): AuditReport['level'] {
  return provenLevel(shown[0], checks, SIGNATURE);
}

export function snpLinks(
  claims: SnpClaims | null,
  shown: readonly ShownCertificate[],
  checks: readonly Check[],
): readonly TrustLink[] {
  const revoked = checks.some(({ id, outcome }) => id === REVOCATION && outcome === 'failed');
  const certificates = certificateLinks(shown, checks).map(
    (link): TrustLink => (revoked && link.kind === 'ca' ? { ...link, state: 'broken' } : link),
  );
  const report = linkOf(checks, certificates.at(-1), {
    kind: 'document',
    title: 'Attestation report',
    by: 'signed with the key above, which AMD certified for this chip and TCB',
    checks: ENDORSEMENT,
    facts: claims === null ? [] : [fact('measurement', 'measured', toHex(claims.report.measurement))],
  });
  return [...certificates, claims === null ? { ...report, state: 'broken' } : report];
}

export function snpGroups(claims: SnpClaims | null, checks: readonly Check[], accepted: boolean): readonly FactGroup[] {
  if (claims === null) return [];
  const standing = standingOf(checks, [SIGNATURE], accepted);
  return [{ key: 'report', title: 'Attestation report', standing, facts: reportFacts(claims) }];
}

function reportFacts({ report, chain }: SnpClaims): readonly Fact[] {
  const product = productOf(report, chain);
  const tcb = (raw: Uint8Array): string => tcbText(raw, product);
  const { major, minor, build } = report.currentFirmware;
  return [
    fact('version', 'version of the report', report.version),
    fact('product', 'product line', product),
    fact('signingKey', 'signed with a', report.signingKey),
    fact('measurement', 'measurement', toHex(report.measurement)),
    fact('debugAllowed', 'debugging allowed', isDebuggable(report.guestPolicy)),
    fact('guestPolicy', 'guest policy', `0x${report.guestPolicy.toString(16)}`),
    fact('platformInfo', 'platform info', `0x${report.platformInfo.toString(16)}`),
    fact('vmpl', 'VMPL', report.vmpl),
    fact('guestSvn', 'guest SVN', report.guestSvn),
    fact('reportData', 'report_data, first half', toHex(report.reportData.subarray(0, 32))),
    fact('challenge', 'report_data, second half', toHex(report.reportData.subarray(32))),
    fact('hostData', 'host_data', hexOrNull(report.hostData)),
    fact('reportedTcb', 'reported TCB', tcb(report.reportedTcb)),
    fact('committedTcb', 'committed TCB', tcb(report.committedTcb)),
    fact('currentTcb', 'current TCB', tcb(report.currentTcb)),
    fact('launchTcb', 'TCB at launch', tcb(report.launchTcb)),
    fact('firmware', 'firmware', `${major}.${minor}.${build}`),
    fact('chipId', 'chip id', hexOrNull(report.chipId)),
    fact('cspId', 'cloud', chain?.leaf.endorsement.cspId ?? null),
    fact('familyId', 'family id', hexOrNull(report.familyId)),
    fact('imageId', 'image id of the ID block', hexOrNull(report.imageId)),
    fact('idKeyDigest', 'ID key digest', hexOrNull(report.idKeyDigest)),
    fact('authorKeyDigest', 'author key digest', hexOrNull(report.authorKeyDigest)),
    fact('reportId', 'report id', toHex(report.reportId)),
  ];
}

/** A report of version 2 names no CPU; its certificate does. */
function productOf({ cpu }: ParsedSnpReport, chain: SnpChain | null): SnpProduct | null {
  if (cpu !== null) return productOfCpu(cpu) ?? null;
  return chain === null || chain.leaf.endorsement.product === null ? null : provenProduct(chain);
}

function tcbText(raw: Uint8Array, product: SnpProduct | null): string {
  if (product === null) return toHex(raw);
  const { fmc, bootloader, tee, snp, microcode } = readTcb(raw, product);
  return `${fmc === null ? '' : `FMC ${fmc}, `}boot loader ${bootloader}, TEE ${tee}, SNP ${snp}, microcode ${microcode}`;
}

/** AMD writes zeros for what is not there. */
function hexOrNull(bytes: Uint8Array): string | null {
  return isZero(bytes) ? null : toHex(bytes);
}
