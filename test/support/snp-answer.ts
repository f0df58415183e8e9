import type { ReportRequest } from '../../enclave/simulator/snp/authority.ts';
import { parseSnpPolicy, type SnpPolicy } from '../../verifier/index.ts';
import { concatBytes } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { decodeIdentity, encodeIdentity, logPreimage, type WorkerIdentity } from '../../wire/message/identity.ts';
import { GUEST, type MachineOptions, machine, revocationList } from '../vectors/corpus/snp/base.ts';
import { SNP_POLICIES } from '../vectors/corpus/snp/policies.ts';
import { answerPolicy } from './accept-answer.ts';
import { type Answer, type AnswerChanges, ASKED, answer, plain } from './answer.ts';

/** The worker of `answer.ts` on SEV-SNP: the same keys, configuration and receipts, vouched for by a report. */
export interface SnpWorkerChanges {
  readonly machine?: MachineOptions;
  readonly guest?: Partial<ReportRequest>;
  readonly identity?: Partial<WorkerIdentity>;
  readonly challenge?: Uint8Array;
  readonly evidence?: Partial<Evidence>;
}

export function snpWorkerEvidence(changes: SnpWorkerChanges = {}): Evidence {
  const { certificates, report } = machine(changes.machine);
  const identity = encodeIdentity({ ...decodeIdentity(plain.evidence.identity), ...changes.identity });
  const reportData = concatBytes(sha256(logPreimage(identity)), changes.challenge ?? ASKED);
  return {
    ...plain.evidence,
    tee: 'amd-sev-snp',
    document: report({ ...GUEST, reportData, ...changes.guest }),
    certificates,
    revocationLists: [revocationList(changes.machine?.product ?? 'Genoa')],
    identity,
    ...changes.evidence,
  };
}

/** The strict policy of the published corpus for the machine, and that of `answer.ts` for the worker. */
export function snpWorkerPolicyJson(
  changes: Readonly<Record<string, JsonValue>> = {},
): Readonly<Record<string, JsonValue>> {
  const { configurations, runtimes, operators, chain, publishers, models } = answerPolicy();
  const ofWorker = { configurations, runtimes, operators, chain, publishers, models } as Readonly<
    Record<string, JsonValue>
  >;
  return { ...(SNP_POLICIES['strict'] as object), ...ofWorker, maxAgeSeconds: 600, ...changes };
}

export const strictSnp: SnpPolicy = parseSnpPolicy(snpWorkerPolicyJson());

export function snpPolicyFor(changes: Readonly<Record<string, JsonValue>> = {}): SnpPolicy {
  return Object.keys(changes).length === 0 ? strictSnp : parseSnpPolicy(snpWorkerPolicyJson(changes));
}

/** An answer by that worker. */
export function snpAnswer(changes: AnswerChanges = {}, worker: SnpWorkerChanges = {}): Answer {
  return answer({ ...changes, evidence: { ...snpWorkerEvidence(worker), ...changes.evidence } });
}
