import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import type { ParsedSnpReport } from '../codec/snp-report.ts';
import type { RefusedCode } from '../errors.ts';
import { type Any, isListed } from '../policy/readers.ts';
import type { SnpPolicyRules } from '../policy/snp-policy.ts';
import { failed, notAsked, passed } from '../rules.ts';
import type { SnpFinding, SnpPolicyContext, SnpRule } from './context.ts';
import { firmwareRules } from './firmware-rules.ts';
import { guestPolicyRules, platformRules } from './platform-rules.ts';

/** A migration agent's report id where there is none (AMD 56860 section 7.3). */
const NO_MIGRATION_AGENT = 0xff;

/** All of these run, so that a refusal names every reason. */
export const snpPolicyRules: readonly SnpRule[] = [
  { id: 'P.expiry', title: 'the policy itself has not expired', run: policyIsCurrent },
  {
    id: 'A2',
    title: 'simulated evidence meets a simulated policy, hardware evidence a hardware one',
    run: levelMatches,
  },
  { id: 'S16.root', title: 'the root is one that the policy names (C16)', run: rootIsNamed },
  { id: 'X14.certificate', title: 'no certificate is denied', run: certificatesAreNotDenied },
  { id: 'X14.chip', title: 'the chip is not denied', run: chipIsNotDenied },
  { id: 'X14.measurement', title: 'the measurement is not denied', run: measurementIsNotDenied },
  { id: 'S28', title: 'this kind of key is trusted of this product line', run: productLineIsTrusted },
  { id: 'S2.policy', title: 'the version of the report is allowed', run: versionIsAllowed },
  ...guestPolicyRules,
  { id: 'S17', title: 'the report was asked for from an allowed privilege level', run: vmplIsAllowed },
  ...listRules(),
  { id: 'S18', title: "the guest's security version is high enough", run: guestSvnIsEnough },
  { id: 'S20', title: 'the second half of report_data answers the challenge', run: challengeIsAnswered },
  { id: 'S24.agent', title: 'there is no migration agent, or an allowed one', run: migrationAgentIsAllowed },
  ...firmwareRules,
  ...platformRules,
  { id: 'S13.masked', title: 'the report names its chip', run: chipIsNamed },
  { id: 'S14', title: 'the chip is allowed', run: chipIsAllowed },
  { id: 'S26', title: 'a key that AMD gave to a cloud is of an allowed one', run: cspIsAllowed },
  { id: 'S27.shown', title: 'a revocation list is shown', run: revocationListIsShown },
  { id: 'S27.fresh', title: 'the revocation list is valid at the given time', run: revocationListIsFresh },
];

function policyIsCurrent({ policy, now }: SnpPolicyContext): SnpFinding {
  const detail = `${policy.name}, until ${iso(policy.expires)}`;
  return now <= policy.expires ? passed(detail) : failed('policy_expired', detail);
}

/** `level` was computed from the root (DESIGN A2); nothing in the report can claim one. */
function levelMatches({ policy, level }: SnpPolicyContext): SnpFinding {
  if (level !== policy.level) return failed('level_refused', `${level} evidence, ${policy.level} policy`);
  return passed(level);
}

function rootIsNamed({ policy, rootSha256 }: SnpPolicyContext): SnpFinding {
  if (!isListed(policy.roots, rootSha256)) return failed('root_refused', 'not among the roots named');
  return passed(toHex(rootSha256));
}

function certificatesAreNotDenied({ policy, tbsSha256 }: SnpPolicyContext): SnpFinding {
  const denied = tbsSha256.findIndex((digest) => isListed(policy.denied.certificates, digest));
  if (denied !== -1)
    return failed('certificate_denied', `certificate ${denied} (the root is 0)`, { certificate: denied });
  return passed(`${policy.denied.certificates.length} denied`);
}

/** Endorsement certificates all have the number 0, so this list is the one way to revoke a chip (fact 7). */
function chipIsNotDenied({ policy, chipId }: SnpPolicyContext): SnpFinding {
  if (chipId !== null && isListed(policy.denied.chips, chipId)) return failed('chip_denied', toHex(chipId));
  return passed(`${policy.denied.chips.length} denied`);
}

function measurementIsNotDenied({ policy, report: { measurement } }: SnpPolicyContext): SnpFinding {
  if (isListed(policy.denied.measurements, measurement)) return failed('measurement_denied', toHex(measurement));
  return passed(`${policy.denied.measurements.length} denied`);
}

/** A line whose root seed is out can sign any TCB, so that no minimum helps (arXiv 2605.12990 for Milan's VCEKs). */
function productLineIsTrusted({ policy, product, signer }: SnpPolicyContext): SnpFinding {
  const detail = `${signer} of ${product}`;
  return policy.products[product].includes(signer) ? passed(detail) : failed('product_line_refused', detail);
}

function versionIsAllowed({ policy, report }: SnpPolicyContext): SnpFinding {
  const detail = `version ${report.version}`;
  return policy.reportVersions.includes(report.version) ? passed(detail) : failed('report_version_refused', detail);
}

/** A report that the host asked for has all ones here; what it says of the guest, the guest never asked to have said. */
function vmplIsAllowed({ policy, report: { vmpl } }: SnpPolicyContext): SnpFinding {
  const detail = vmpl === 0xffff_ffff ? 'asked for by the host' : `level ${vmpl}`;
  return policy.vmpl.includes(vmpl) ? passed(detail) : failed('vmpl_refused', detail);
}

function guestSvnIsEnough({ policy, report }: SnpPolicyContext): SnpFinding {
  if (policy.minimumGuestSvn === 'any') return notAsked('any version');
  const detail = `${report.guestSvn}, at least ${policy.minimumGuestSvn} wanted`;
  return report.guestSvn >= policy.minimumGuestSvn ? passed(detail) : failed('guest_svn_too_low', detail);
}

function challengeIsAnswered({ report, challenge }: SnpPolicyContext): SnpFinding {
  if (challenge === 'any') return notAsked('the caller gave no challenge: the report may be a recorded one');
  const answered = report.reportData.subarray(32);
  return equalBytes(answered, challenge)
    ? passed(toHex(answered))
    : failed('challenge_mismatch', 'another challenge, or none');
}

function migrationAgentIsAllowed({ policy, report }: SnpPolicyContext): SnpFinding {
  const agent = report.migrationAgentReportId;
  if (policy.migrationAgents === 'any') return notAsked('any agent');
  if (agent.every((byte) => byte === NO_MIGRATION_AGENT)) return passed('none');
  if (policy.migrationAgents === 'none') return failed('migration_agent_refused', toHex(agent));
  return isListed(policy.migrationAgents, agent)
    ? passed(toHex(agent))
    : failed('migration_agent_refused', toHex(agent));
}

/** Rules that are a list of allowed values of one field of the report. */
function listRules(): readonly SnpRule[] {
  const rule = (
    [id, title, code]: readonly [id: string, title: string, code: RefusedCode],
    allowedBy: (policy: SnpPolicyRules) => Any | readonly Uint8Array[],
    valueIn: (report: ParsedSnpReport) => Uint8Array,
  ): SnpRule => ({
    id,
    title,
    run: ({ policy, report }) => {
      const allowed = allowedBy(policy);
      if (allowed === 'any') return notAsked('any value');
      const value = valueIn(report);
      return isListed(allowed, value) ? passed(toHex(value)) : failed(code, toHex(value));
    },
  });
  return [
    rule(
      ['S19', 'the measurement is allowed', 'measurement_refused'],
      ({ measurements }) => measurements,
      ({ measurement }) => measurement,
    ),
    rule(
      ['S21', 'the data of the host is allowed', 'host_data_refused'],
      (policy) => policy.hostData,
      ({ hostData }) => hostData,
    ),
    rule(
      ['S22.family', 'the family id is allowed', 'family_refused'],
      ({ familyIds }) => familyIds,
      ({ familyId }) => familyId,
    ),
    rule(
      ['S22.image', 'the image id is allowed', 'image_id_refused'],
      ({ imageIds }) => imageIds,
      ({ imageId }) => imageId,
    ),
    rule(
      ['S23.id', 'the key that signed the ID block is allowed', 'id_key_refused'],
      ({ idKeyDigests }) => idKeyDigests,
      ({ idKeyDigest }) => idKeyDigest,
    ),
    {
      id: 'S23.author',
      title: 'the author key is in use and allowed',
      run: ({ policy, report }) => {
        if (policy.authorKeyDigests === 'any') return notAsked('any value');
        const detail = report.authorKeyEnabled ? toHex(report.authorKeyDigest) : 'no author key';
        // Without AUTHOR_KEY_EN nobody certified the ID key, whatever the digest says.
        const allowed = report.authorKeyEnabled && isListed(policy.authorKeyDigests, report.authorKeyDigest);
        return allowed ? passed(detail) : failed('author_key_refused', detail);
      },
    },
    rule(
      ['S24', 'the report id is allowed', 'report_id_refused'],
      ({ reportIds }) => reportIds,
      ({ reportId }) => reportId,
    ),
  ];
}

function chipIsNamed({ policy, report, signer }: SnpPolicyContext): SnpFinding {
  if (!isZero(report.chipId)) return passed(toHex(report.chipId));
  if (policy.maskedChipId === 'allow') return notAsked('the policy lets a report hide its chip');
  if (policy.maskedChipId === 'vlek-only' && signer === 'VLEK') {
    return notAsked('the policy lets a report by a VLEK hide its chip');
  }
  return failed('chip_masked', 'CHIP_ID is zero');
}

function chipIsAllowed({ policy, chipId }: SnpPolicyContext): SnpFinding {
  if (policy.chips === 'any') return notAsked('any chip');
  if (chipId === null) return failed('chip_refused', 'neither report nor certificate names the chip');
  return isListed(policy.chips, chipId) ? passed(toHex(chipId)) : failed('chip_refused', toHex(chipId));
}

function cspIsAllowed({ policy, signer, cspId }: SnpPolicyContext): SnpFinding {
  if (signer === 'VCEK') return passed('the key is of a chip');
  if (policy.cspIds === 'any') return notAsked('any cloud');
  const detail = cspId ?? 'no cloud';
  return cspId !== null && policy.cspIds.includes(cspId) ? passed(detail) : failed('csp_refused', detail);
}

function revocationListIsShown({ policy, revocationList }: SnpPolicyContext): SnpFinding {
  if (revocationList !== null) return passed('it was verified above');
  if (policy.revocationList === 'any') return notAsked('the policy does not want one');
  return failed('revocation_unknown', 'none is shown');
}

/** Also where the policy does not want one: what is shown is judged. */
function revocationListIsFresh({ revocationList, now }: SnpPolicyContext): SnpFinding {
  if (revocationList === null) return notAsked('none is shown');
  const { thisUpdate, nextUpdate } = revocationList;
  const detail = `${iso(thisUpdate)} to ${iso(nextUpdate)}`;
  return thisUpdate <= now && now <= nextUpdate ? passed(detail) : failed('revocation_stale', detail);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
