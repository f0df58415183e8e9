import {
  type Purpose,
  parseSnpCertificateTable,
  parseUnverifiedArchive,
  type SnpEvidence,
  VerifierError,
  verifyArchive,
  verifyNitroDocument,
  verifySnpReport,
  verifyWorker,
} from '../../verifier/index.ts';
import { earliestSnpTime } from '../../verifier/snp/verify.ts';
import { asSnpEvidence } from '../../verifier/worker/verify.ts';
import { equalBytes } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import type { Archive } from '../../wire/message/archive.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { aboutNitro, aboutSnp, aboutWorker } from './about.ts';
import { answerGroups, answerLinks } from './archive-claims.ts';
import { type Chain, joinChains } from './certificates.ts';
import { archiveDates } from './dates.ts';
import type { Problem, Recognised, SnpSubject } from './input.ts';
import { auditLevels, type LevelsAsked, rulingWithLevels } from './levels.ts';
import { nitroLeafStart, readNitroClaims } from './nitro-claims.ts';
import { type About, problemOf, type Ruling, rejected, report } from './outcome.ts';
import type { ChosenPolicy, PolicyChoice } from './policies.ts';
import type { AuditReport, InputFacts } from './report.ts';
import { readSnpClaims, type SnpClaims, snpLeafStart } from './snp-claims.ts';

export interface Question {
  readonly suite: Suite;
  readonly tee: TeeName | 'auto';
  readonly chain: Chain;
  readonly policies: PolicyChoice;
  /** Of saved answers; evidence alone has no levels. */
  readonly levels: LevelsAsked;
  readonly purpose: Purpose;
  readonly challenge: Uint8Array | 'any';
  /** The clock of whoever will read the report: it decides nothing, and tells what has ended since. */
  readonly readAt: number;
  /** When it was drawn, where this command did that. */
  readonly challengedAt: number | 'unknown';
}

/** What was given, held against what was asked. Whatever the bytes are, they get a verdict. */
export async function judge(recognised: Recognised, question: Question): Promise<AuditReport> {
  const { input } = recognised;
  if ('problem' in recognised) return rejected(input, recognised.problem);
  const { subject } = recognised;
  switch (subject.kind) {
    case 'proofmark-archive':
      return judgeArchive(subject.archive, input, question);
    case 'nitro-document':
      return judgeNitro(subject.document, input, question);
    case 'snp-report':
    case 'snp-extended-report':
      return judgeSnp(subject, input, question);
  }
}

/** Evidence that a host has just served for this challenge. */
export async function judgeHost(
  evidence: Evidence,
  input: InputFacts,
  question: Omit<Question, 'levels'>,
): Promise<AuditReport> {
  const { challenge, purpose, suite } = question;
  const chosen = await choose(evidence.tee, question);
  if ('problem' in chosen) return rejected(input, chosen.problem);
  const at = purpose.kind === 'live' ? purpose.now : documentTime(evidence);
  const { policy } = chosen;
  const ruling = await verifyWorker(evidence, {
    policy,
    now: at,
    challenge,
    challengedAt: question.challengedAt,
    suite,
    cache: 'none',
  });
  const about = await aboutWorker(evidence, ruling, suite);
  return report({ input, tee: evidence.tee, chosen, at, question, ruling, about });
}

/** For evidence that nobody dated: one second after its leaf begins to be valid. Malformed evidence has no such time. */
export function timeOfLeaf(recognised: Recognised, chain: Chain): number {
  if ('problem' in recognised) return 0;
  const { subject } = recognised;
  switch (subject.kind) {
    case 'proofmark-archive':
      return 0;
    case 'nitro-document': {
      const claims = readNitroClaims(subject.document);
      return claims === null ? 0 : clampTime(nitroLeafStart(claims) + 1_000);
    }
    case 'snp-report':
    case 'snp-extended-report': {
      const evidence = snpEvidence(subject, chain);
      return 'problem' in evidence ? 0 : snpTime(readSnpClaims(evidence));
    }
  }
}

function snpTime(claims: SnpClaims | null): number {
  const start = claims === null ? null : snpLeafStart(claims);
  return start === null ? 0 : clampTime(start + 1_000);
}

/** The certificates that came with a report, and those that were named beside it. */
function snpEvidence(subject: SnpSubject, chain: Chain): SnpEvidence | { readonly problem: Problem } {
  const { report } = subject;
  if (subject.kind === 'snp-report') return { report, ...chain };
  try {
    return { report, ...joinChains([parseSnpCertificateTable(subject.table), chain]) };
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    return { problem: problemOf(error) };
  }
}

async function judgeArchive(bytes: Uint8Array, input: InputFacts, question: Question): Promise<AuditReport> {
  const parsed = parsedArchive(bytes);
  if ('problem' in parsed) return rejected(input, parsed.problem);
  const { purpose, suite } = question;
  const archive = withChallenge(parsed, question.challenge);
  const { tee } = archive.evidence;
  const chosen = await choose(tee, question);
  if ('problem' in chosen) return rejected(input, chosen.problem);
  const verdict = await verifyArchive(archive, { policy: chosen.policy, purpose, suite, cache: 'none' });
  const { publishers } = chosen.policy;
  const levels = await auditLevels(archive, { verdict, publishers, asked: question.levels, suite });
  const ruling = rulingWithLevels(verdict, levels, question.levels);
  const { checks } = ruling;
  const accepted = ruling.verdict === 'accepted';
  const worker = await aboutWorker(archive.evidence, ruling, suite);
  const shown = { archive, modelId: await suite.sha256(archive.release.manifest) };
  const about: About = {
    ...worker,
    trust: [...worker.trust, ...answerLinks(shown, checks, worker.trust.at(-1))],
    groups: [...answerGroups(shown, checks, accepted), ...worker.groups],
    dates: [...worker.dates, ...archiveDates(archive, { checks, policy: chosen.policy, purpose: purpose.kind })],
  };
  const at = verdict.judgedAt;
  const asked = { ...question, challenge: archive.challenge.value };
  return report({ input, tee, chosen, at, question: asked, ruling, about, levels });
}

async function judgeNitro(document: Uint8Array, input: InputFacts, question: Question): Promise<AuditReport> {
  const chosen = await choose('aws-nitro', question);
  if ('problem' in chosen) return rejected(input, chosen.problem);
  const { origin, policy } = chosen;
  if (policy.tee !== 'aws-nitro') return rejected(input, { code: 'tee_mismatch', detail: policy.tee });
  const { purpose, challenge, suite } = question;
  const claims = readNitroClaims(document);
  const at = purpose.kind === 'live' ? purpose.now : clampTime(claims?.timestamp ?? 0);
  const found = await verifyNitroDocument(document, { policy, now: at, challenge, suite, cache: 'none' });
  const ruling = purpose.kind === 'archive' && found.verdict === 'accepted' ? undated(found) : found;
  const about = await aboutNitro(document, ruling, suite);
  return report({ input, tee: 'aws-nitro', chosen: { origin, policy }, at, question, ruling, about });
}

async function judgeSnp(subject: SnpSubject, input: InputFacts, question: Question): Promise<AuditReport> {
  const chosen = await choose('amd-sev-snp', question);
  if ('problem' in chosen) return rejected(input, chosen.problem);
  const { origin, policy } = chosen;
  if (policy.tee !== 'amd-sev-snp') return rejected(input, { code: 'tee_mismatch', detail: policy.tee });
  const evidence = snpEvidence(subject, question.chain);
  if ('problem' in evidence) return rejected(input, evidence.problem);
  const { purpose, challenge, suite } = question;
  const at = purpose.kind === 'live' ? purpose.now : earliestSnpTime(evidence);
  const found = await verifySnpReport(evidence, {
    policy,
    now: at,
    challenge,
    product: 'any',
    suite,
    cache: 'none',
  });
  const ruling = purpose.kind === 'archive' && found.verdict === 'accepted' ? undated(found) : found;
  const about = await aboutSnp(evidence, ruling, suite);
  return report({ input, tee: 'amd-sev-snp', chosen: { origin, policy }, at, question, ruling, about });
}

/** DESIGN section 4: without a third party that dated it, evidence of the past is neither accepted nor refused. */
function undated({ checks, notProven }: Ruling): Ruling {
  const reason =
    'Nobody but the hardware dated this evidence: it holds at its own time, and that time is its own word.';
  return {
    verdict: 'undetermined',
    code: 'not_anchored',
    checks,
    notProven: [...notProven, { id: 'anchor', reason }],
  };
}

type Choice = ChosenPolicy | { readonly problem: Problem };

async function choose(found: TeeName, { tee, policies }: Pick<Question, 'tee' | 'policies'>): Promise<Choice> {
  const mismatch = (asked: string): Choice => ({
    problem: { code: 'tee_mismatch', detail: `the evidence is of ${found}, ${asked}` },
  });
  if (tee !== 'auto' && tee !== found) return mismatch(`--tee asks for ${tee}`);
  return (await policies(found)) ?? mismatch('and the policy given is for other hardware');
}

function parsedArchive(bytes: Uint8Array): Archive | { readonly problem: Problem } {
  try {
    return parseUnverifiedArchive(bytes);
  } catch (error) {
    if (!(error instanceof VerifierError) || error.code !== 'archive_invalid') throw error;
    return { problem: problemOf(error) };
  }
}

/** A challenge that the person names must be the one that the document answers, whatever the file says it was. */
function withChallenge(archive: Archive, challenge: Uint8Array | 'any'): Archive {
  if (challenge === 'any' || equalBytes(challenge, archive.challenge.value)) return archive;
  return { ...archive, challenge: { ...archive.challenge, value: challenge } };
}

/** A time at which the evidence may hold by its own word: nobody else vouches for it. */
function documentTime(evidence: Evidence): number {
  return evidence.tee === 'amd-sev-snp'
    ? earliestSnpTime(asSnpEvidence(evidence))
    : clampTime(readNitroClaims(evidence.document)?.timestamp ?? 0);
}

/** The verifier's calendar: evidence that claims to be from outside of it is judged at its end, and refused. */
function clampTime(time: number): number {
  return Math.min(Math.max(time, 0), 8_640_000_000_000_000);
}
