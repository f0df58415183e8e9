import { isZero } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { anchorDigests, anchorOf } from '../anchors.ts';
import { isChainCache, useCache } from '../cache/chain-cache.ts';
import { type ParsedSnpReport, SNP_REPORT_BYTES } from '../codec/snp-report.ts';
import { readTcb } from '../codec/snp-tcb.ts';
import { createSignatureBudget } from '../crypto/budget.ts';
import { createTbsDigests } from '../crypto/tbs-digests.ts';
import { type UntrustedCode, VerifierError } from '../errors.ts';
import { isParsedSnpPolicy, type SnpSigner } from '../policy/snp-policy.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { type CheckName, type Finding, notReached, runAll, runUntilFailure } from '../rules.ts';
import {
  type EndorsementContext,
  endorsementRules,
  paddedChipId,
  provenProduct,
  reportSignatureVerifies,
  signatureRules,
} from './endorsement.ts';
import type { SnpEvidence, SnpFacts, SnpOptions } from './facts.ts';
import { parseSnpEvidence, snpParsing } from './parse.ts';
import { isDebuggable } from './platform-rules.ts';
import { assignRoles, roleCheck } from './roles.ts';
import { snpPolicyRules } from './rules.ts';

/** Outside what any report can settle, or outside what this function is given. Part of every verdict. */
const neverProven: readonly NotProven[] = [
  { id: 'S.time', reason: 'when the report was made: it carries no time, and only a fresh challenge dates it' },
  {
    id: 'S20.binding',
    reason: 'what the first half of report_data stands for: whoever knows the protocol compares it',
  },
  {
    id: 'S27.leaf',
    reason: 'whether the endorsement key was revoked: AMD numbers them all 0, so only a deny list can say',
  },
  { id: 'S29', reason: 'which image the measurement is of: a tool that builds images computes it' },
  { id: 'X13', reason: 'that the challenge was fresh and used once: whoever drew it keeps that' },
  {
    id: 'P.worker',
    reason: "the policy's rules about configuration, runtime, operator, chain, publishers, models and requests",
  },
];

const laterThanRoles: readonly CheckName[] = [...endorsementRules, ...signatureRules, ...snpPolicyRules];
const laterThanParsing: readonly CheckName[] = [roleCheck, ...laterThanRoles];

/** All that is checked about a report, in order, for whoever did not come to it. */
export const snpChecks: readonly CheckName[] = [...snpParsing, ...laterThanParsing];

/**
 * Verifies an AMD SEV-SNP attestation report with its certificates. The verdict lists every check of the checklist, in
 * order, whatever came of it. Throws `VerifierError` only for the caller's own arguments (codes of the group `misuse`).
 *
 * Not enforced here: that a challenge is used once, what the first half of `report_data` binds, and when the report was
 * made. The verdict says so too, in `notProven`.
 */
export async function verifySnpReport(
  evidence: SnpEvidence,
  options: SnpOptions,
): Promise<Verdict<Verified<SnpFacts>>> {
  checkArguments(evidence, options);
  const { policy, now, product, suite } = options;
  // Copies: the caller's buffers may change between the parse and the signature check.
  const shown = snapshotEvidence(evidence);
  const challenge = options.challenge === 'any' ? 'any' : new Uint8Array(options.challenge);
  const cache = useCache(options.cache, suite, now);

  const parse = parseSnpEvidence(shown, laterThanParsing);
  if ('error' in parse) {
    return { verdict: 'malformed', code: parse.error.code, checks: parse.checks, notProven: neverProven };
  }
  const { report, revocationList } = parse.evidence;
  const roles = assignRoles(parse.evidence.certificates, report);
  if (!roles.ok) {
    const failed: Check = { ...roleCheck, outcome: 'failed', detail: roles.detail };
    const checks = [...parse.checks, failed, ...notReached(laterThanRoles)];
    return { verdict: 'untrusted', code: 'chain_incomplete', checks, notProven: neverProven };
  }
  const { chain } = roles;
  const named: Check = { ...roleCheck, outcome: 'passed', detail: 'three certificates' };
  const rootSha256 = await suite.sha256(chain.root.bytes);

  const tbsSha256 = createTbsDigests(suite);
  const budget = createSignatureBudget(limits.evidenceSignatures);
  let begun: Promise<Finding<UntrustedCode>> | undefined;
  const context: EndorsementContext = {
    certificates: [chain.root, chain.intermediate, chain.leaf.certificate],
    rootSha256,
    // A vendor's root is genuine whatever the policy wants; the policy rules then refuse it by name (A2, S16.root).
    trustedRoots: [...anchorDigests('amd-sev-snp'), ...policy.roots],
    now,
    suite,
    budget,
    cache,
    tbsSha256,
    report,
    chain,
    revocationList,
    product,
    reportSignature: () => {
      begun ??= reportSignatureVerifies({ report, chain, suite, budget });
      return begun;
    },
  };
  const certified = await runUntilFailure(endorsementRules, context);
  if (certified.code !== null) {
    const checks = [...parse.checks, named, ...certified.checks, ...notReached([...signatureRules, ...snpPolicyRules])];
    return { verdict: 'untrusted', code: certified.code, checks, notProven: neverProven };
  }

  // The report's signature is still under way, on another thread. What it would prove is worked out meanwhile, and does
  // not leave this function unless it holds.
  const facts = await factsOf(report, context, options);
  const ruling = await runAll(snpPolicyRules, {
    report,
    product: facts.product,
    signer: facts.signer,
    chipId: facts.chipId,
    cspId: facts.cspId,
    rootSha256,
    tbsSha256: facts.certificates.map(({ tbsSha256 }) => tbsSha256),
    revocationList,
    level: facts.level,
    policy,
    now,
    challenge,
  });
  const signed = await runUntilFailure(signatureRules, context);
  if (signed.code !== null) {
    const checks = [...parse.checks, named, ...certified.checks, ...signed.checks, ...notReached(snpPolicyRules)];
    return { verdict: 'untrusted', code: signed.code, checks, notProven: neverProven };
  }
  // Only now: whoever can write here has a chain to a trusted root and a report below it.
  cache.commit();
  const checks = [...parse.checks, named, ...certified.checks, ...signed.checks, ...ruling.checks];
  const notProven = [...neverProven, ...notProvenBy(facts, checks)];
  if (ruling.code !== null) return { verdict: 'refused', code: ruling.code, checks, notProven };
  return { verdict: 'accepted', proven: verified(facts), checks, notProven };
}

/** What a report says, with nothing checked but its form. The result's shape keeps it apart from proven facts. */
export interface UnverifiedSnpReport {
  readonly unverified: ParsedSnpReport;
}

/** For looking at a report that cannot be verified. Decide nothing on it. Throws `VerifierError` for malformed bytes. */
export function parseUnverifiedSnpReport(report: Uint8Array): UnverifiedSnpReport {
  if (!(report instanceof Uint8Array)) throw argument('report', 'bytes expected');
  const parse = parseSnpEvidence(
    { report: snapshot(report, SNP_REPORT_BYTES), certificates: [], revocationLists: [] },
    laterThanParsing,
  );
  if ('error' in parse) throw parse.error;
  return { unverified: parse.evidence.report };
}

/**
 * When all that is shown could have been valid for the first time: its certificates and its revocation list. For looking
 * at evidence whose time nobody vouches for; 0 for what cannot be read.
 */
export function earliestSnpTime(evidence: SnpEvidence): number {
  const parse = parseSnpEvidence(snapshotEvidence(evidence), []);
  if ('error' in parse) return 0;
  const { certificates, revocationList } = parse.evidence;
  const starts = certificates.map(({ certificate }) => certificate.notBefore);
  return Math.max(0, ...starts, ...(revocationList === null ? [] : [revocationList.thisUpdate]));
}

function snapshotEvidence({ report, certificates, revocationLists }: SnpEvidence): SnpEvidence {
  // One more than is allowed, so that too many are refused and not cut.
  const atMost = (sources: readonly Uint8Array[]): readonly Uint8Array[] =>
    sources.slice(0, limits.snpCertificates + 1);
  return {
    report: snapshot(report, SNP_REPORT_BYTES),
    // Their readers copy them first, and run before anything is waited for.
    certificates: atMost(certificates),
    revocationLists: atMost(revocationLists),
  };
}

/** At most one byte more than is allowed: an absurd length is refused without being copied (A5). */
function snapshot(bytes: Uint8Array, limit: number): Uint8Array {
  // A detached buffer has no bytes and cannot be read.
  return bytes.length === 0 ? new Uint8Array(0) : new Uint8Array(bytes.subarray(0, limit + 1));
}

function checkArguments(evidence: SnpEvidence, options: SnpOptions): void {
  if (typeof evidence !== 'object' || evidence === null) throw argument('evidence', 'an object expected');
  if (!(evidence.report instanceof Uint8Array)) throw argument('report', 'bytes expected');
  checkList(evidence.certificates, 'certificates');
  checkList(evidence.revocationLists, 'revocationLists');
  if (typeof options !== 'object' || options === null) throw argument('options', 'an object expected');
  if (!isParsedSnpPolicy(options.policy)) {
    throw new VerifierError('policy_unparsed', 'use parseSnpPolicy: it refuses a policy with a rule left out');
  }
  const { now, challenge, product, suite } = options;
  // The second bound is the end of JavaScript's calendar: beyond it a time has no date to report.
  if (!Number.isSafeInteger(now) || now < 0 || now > 8_640_000_000_000_000) {
    throw argument('now', 'milliseconds since 1970 expected');
  }
  if (challenge !== 'any' && (!(challenge instanceof Uint8Array) || challenge.length !== 32)) {
    throw argument('challenge', '32 bytes or the word "any" expected');
  }
  if (!['Milan', 'Genoa', 'Turin', 'any'].includes(product)) {
    throw argument('product', 'Milan, Genoa, Turin or the word "any" expected');
  }
  if (typeof suite?.verifyRsaPss384 !== 'function' || typeof suite.verifyP384 !== 'function') {
    throw argument('suite', 'a crypto suite expected');
  }
  if (options.cache !== 'none' && !isChainCache(options.cache)) {
    throw argument('cache', 'what createChainCache made or the word "none" expected');
  }
}

function checkList(value: readonly Uint8Array[], field: string): void {
  if (!Array.isArray(value) || !value.every((item: unknown) => item instanceof Uint8Array)) {
    throw argument(field, 'a list of bytes expected');
  }
}

function argument(field: string, detail: string): VerifierError {
  return new VerifierError('argument_invalid', detail, { field });
}

async function factsOf(
  report: ParsedSnpReport,
  { chain, rootSha256, tbsSha256 }: EndorsementContext,
  { policy, now, suite }: SnpOptions,
): Promise<SnpFacts> {
  const anchor = anchorOf('amd-sev-snp', rootSha256);
  const certificates = [chain.root, chain.intermediate, chain.leaf.certificate];
  const product = provenProduct(chain);
  const { hardwareId, cspId } = chain.leaf.endorsement;
  const validity = {
    notBefore: Math.max(...certificates.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...certificates.map(({ notAfter }) => notAfter)),
  };
  const masked = hardwareId === null ? null : paddedChipId(hardwareId);
  return {
    level: anchor === undefined ? 'simulated' : 'attested',
    tee: 'amd-sev-snp',
    root: { name: anchor?.name ?? 'simulated', sha256: rootSha256 },
    documentId: await suite.sha256(report.signed),
    reportVersion: report.version,
    product,
    // S5 refused a report that no key signed.
    signer: report.signingKey as SnpSigner,
    cpu: report.cpu,
    chipId: isZero(report.chipId) ? masked : report.chipId,
    cspId,
    vmpl: report.vmpl,
    guestSvn: report.guestSvn,
    guestPolicy: report.guestPolicy,
    platformInfo: report.platformInfo,
    debug: isDebuggable(report.guestPolicy),
    measurement: report.measurement,
    measurements: [report.measurement],
    hostData: report.hostData,
    familyId: report.familyId,
    imageId: report.imageId,
    idKeyDigest: report.idKeyDigest,
    authorKeyDigest: report.authorKeyDigest,
    authorKeyEnabled: report.authorKeyEnabled,
    reportId: report.reportId,
    migrationAgentReportId: report.migrationAgentReportId,
    tcb: {
      current: readTcb(report.currentTcb, product),
      reported: readTcb(report.reportedTcb, product),
      committed: readTcb(report.committedTcb, product),
      launch: readTcb(report.launchTcb, product),
    },
    firmware: { current: report.currentFirmware, committed: report.committedFirmware },
    mitigations: report.mitigations,
    reportData: report.reportData,
    userData: report.reportData.slice(0, 32),
    nonce: report.reportData.slice(32),
    certificates: await Promise.all(
      certificates.map(async (certificate, index) => ({
        commonName: certificate.subject.commonName,
        serial: certificate.serial,
        notBefore: certificate.notBefore,
        notAfter: certificate.notAfter,
        sha256: index === 0 ? rootSha256 : await suite.sha256(certificate.bytes),
        tbsSha256: await tbsSha256(certificate),
      })),
    ),
    validity,
    acceptedUntil: Math.min(validity.notAfter, policy.expires),
    verifiedAt: now,
    policy: { name: policy.name, version: policy.version },
  };
}

/** "any" in a policy is a decision, and the reader of a verdict gets to see it. */
function notProvenBy(facts: SnpFacts, checks: readonly Check[]): readonly NotProven[] {
  const unasked = checks
    .filter(({ outcome }) => outcome === 'not-asked')
    .map(({ id, title, detail }) => ({ id, reason: `${title}: ${detail}` }));
  if (facts.level === 'attested') return unasked;
  return [{ id: 'A2', reason: 'that hardware was involved: the root is self-made' }, ...unasked];
}
