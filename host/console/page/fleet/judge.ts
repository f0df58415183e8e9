import {
  type AuditReport,
  type InputFacts,
  judgeHost,
  meaningOf,
  policyChoice,
  surveyChoice,
  verdictMeanings,
} from '../../../../client/audit/index.ts';
import type { HostTransport } from '../../../../client/transport.ts';
import { violation } from '../../../../client/violation.ts';
import { type Verified, verifyWorker, type WorkerFacts, type WorkerPolicy } from '../../../../verifier/index.ts';
import { toHex } from '../../../../wire/bytes.ts';
import type { Suite } from '../../../../wire/crypto/suite.ts';
import { limits } from '../../../../wire/limits.ts';
import { decodeEvidence, type Evidence } from '../../../../wire/message/evidence.ts';
import type { VerdictWord } from '../parts/verdict.tsx';

export interface Asker {
  readonly transport: HostTransport;
  readonly suite: Suite;
  readonly now: () => number;
  /** Without one the evidence is looked at, and nothing is accepted. */
  readonly policy: WorkerPolicy | undefined;
}

/** What one answer to a fresh challenge came to. */
export interface Judgement {
  readonly report: AuditReport;
  readonly evidence: Evidence;
  /** Undefined unless the user's policy accepts the worker. */
  readonly proven: Verified<WorkerFacts> | undefined;
  readonly challenge: string;
  readonly askedAt: number;
  readonly verdict: VerdictWord;
  readonly code: string | undefined;
  readonly meaning: string;
}

/** Asks for evidence by a challenge that nobody can have foreseen, and judges it: here, with this code. */
export async function judgeWorker(asker: Asker, log: string | undefined): Promise<Judgement> {
  const { transport, suite, now, policy } = asker;
  const challenge = suite.randomBytes(32);
  const askedAt = now();
  const named = log === undefined ? '' : `&log=${log}`;
  const served = await transport.get(`/v1/evidence?challenge=${toHex(challenge)}${named}`, limits.evidenceBytes);
  const evidence = violation(() => decodeEvidence(served));
  const input: InputFacts = {
    name: 'evidence of the worker',
    kind: 'host-evidence',
    encoding: 'json',
    bytes: served.length,
    sha256: toHex(await suite.sha256(served)),
  };
  const report = await judgeHost(evidence, input, {
    suite,
    tee: 'auto',
    chain: { certificates: [], revocationLists: [] },
    policies: policy === undefined ? surveyChoice([0, 1, 2, 3]) : policyChoice([policy], 'given'),
    purpose: { kind: 'live', now: askedAt },
    challenge,
    challengedAt: askedAt,
    readAt: askedAt,
  });
  const proven = policy === undefined ? undefined : await prove(evidence, { policy, now: askedAt, challenge, suite });
  const other = log !== undefined && proven !== undefined && toHex(proven.log) !== log;
  return {
    report,
    evidence,
    proven: other ? undefined : proven,
    challenge: toHex(challenge),
    askedAt,
    ...(other ? otherWorker : conclusionOf(report, policy)),
  };
}

interface Conclusion {
  readonly verdict: VerdictWord;
  readonly code: string | undefined;
  readonly meaning: string;
}

const otherWorker: Conclusion = {
  verdict: 'untrusted',
  code: 'evidence_of_other_log',
  meaning: 'The host shows genuine evidence of another worker than the one that was asked for.',
};

/** A survey says whether evidence is forged; it never says that somebody should rely on it. */
export function conclusionOf(
  { verdict, code }: Pick<AuditReport, 'verdict' | 'code'>,
  policy: WorkerPolicy | undefined,
): Conclusion {
  const isWithheld = policy === undefined && (verdict === 'accepted' || verdict === 'refused');
  if (isWithheld) {
    const meaning = 'No policy is chosen, so nothing is accepted. Below is what the evidence says.';
    return { verdict: 'undetermined', code: 'no_policy', meaning };
  }
  const meaning = code === null ? verdictMeanings[verdict] : `${capitalised(meaningOf(code))}.`;
  return { verdict, code: code ?? undefined, meaning };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

interface Proving {
  readonly policy: WorkerPolicy;
  readonly now: number;
  readonly challenge: Uint8Array;
  readonly suite: Suite;
}

async function prove(
  evidence: Evidence,
  { policy, now, challenge, suite }: Proving,
): Promise<Verified<WorkerFacts> | undefined> {
  const options = { policy, now, challenge, challengedAt: now, suite, cache: 'none' } as const;
  const verdict = await verifyWorker(evidence, options);
  return verdict.verdict === 'accepted' ? verdict.proven : undefined;
}
