import type { SnpEvidence } from '../../verifier/index.ts';
import { asSnpEvidence } from '../../verifier/worker/verify.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { documentDate } from './dates.ts';
import {
  nitroCertificates,
  nitroGroups,
  nitroLevel,
  nitroLinks,
  readNitroClaims,
  timestampOf,
} from './nitro-claims.ts';
import type { About, Ruling } from './outcome.ts';
import { readSnpClaims, snpCertificates, snpGroups, snpLevel, snpLinks } from './snp-claims.ts';
import { readWorkerClaims, workerGroups, workerLink } from './worker-claims.ts';

/** What one kind of hardware says, with nothing believed yet. */
interface AboutHardware extends About {
  readonly measurements: readonly Uint8Array[];
}

export async function aboutNitro(
  document: Uint8Array,
  { verdict, checks }: Ruling,
  suite: Suite,
): Promise<AboutHardware> {
  const claims = readNitroClaims(document);
  const certificates = await nitroCertificates(claims, suite);
  const madeAt = claims === null ? null : timestampOf(claims);
  return {
    measurements: [0, 1, 2].flatMap((index) => claims?.pcrs.get(index) ?? []),
    level: nitroLevel(certificates, checks),
    trust: nitroLinks(claims, certificates, checks),
    groups: nitroGroups(claims, checks, verdict === 'accepted'),
    dates: claims === null ? [] : [documentDate(madeAt, checks)],
    shown: { certificates, revocationLists: [], madeAt },
  };
}

export async function aboutSnp(
  evidence: SnpEvidence,
  { verdict, checks }: Ruling,
  suite: Suite,
): Promise<AboutHardware> {
  const claims = readSnpClaims(evidence);
  const certificates = await snpCertificates(claims, suite);
  return {
    measurements: claims === null ? [] : [claims.report.measurement],
    level: snpLevel(certificates, checks),
    trust: snpLinks(claims, certificates, checks),
    groups: snpGroups(claims, checks, verdict === 'accepted'),
    dates: claims === null ? [] : [documentDate(null, checks)],
    shown: { certificates, revocationLists: evidence.revocationLists, madeAt: null },
  };
}

export async function aboutWorker(evidence: Evidence, ruling: Ruling, suite: Suite): Promise<About> {
  const { checks } = ruling;
  const hardware =
    evidence.tee === 'amd-sev-snp'
      ? await aboutSnp(asSnpEvidence(evidence), ruling, suite)
      : await aboutNitro(evidence.document, ruling, suite);
  const { measurements, trust, groups, ...about } = hardware;
  const worker = await readWorkerClaims(evidence, measurements, suite);
  return {
    ...about,
    trust: [...trust, workerLink(worker, checks, trust.at(-1))],
    groups: [...workerGroups(worker, checks, ruling.verdict === 'accepted'), ...groups],
  };
}
