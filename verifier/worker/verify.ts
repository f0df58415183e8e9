import { WireError } from '../../wire/errors.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { decodeRuntime } from '../../wire/message/execution.ts';
import { decodeIdentity, imagePreimage, logPreimage, type TeeName } from '../../wire/message/identity.ts';
import { copyOf } from '../copy.ts';
import { type MalformedCode, type RefusedCode, type UntrustedCode, VerifierError } from '../errors.ts';
import { nitroChecks, verifyNitroDocument } from '../nitro/verify.ts';
import { isParsedWorkerPolicy, type WorkerPolicy } from '../policy/worker-policy.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import {
  type CheckName,
  checkOfError,
  leftOpen,
  notReached,
  type RuleReport,
  runAll,
  runUntilFailure,
} from '../rules.ts';
import type { SnpEvidence } from '../snp/facts.ts';
import { snpChecks, verifySnpReport } from '../snp/verify.ts';
import type { NitroWorkerFacts, SnpWorkerFacts, WorkerFacts, WorkerOptions } from './facts.ts';
import {
  admissionRules,
  nitroBindingRules,
  type StatementContext,
  snpBindingRules,
  snpFreshnessRules,
  timeOfChallenge,
} from './rules.ts';

const hardware: CheckName = { id: 'W.tee', title: 'the evidence is of the hardware that the policy is for' };
const statements: CheckName = { id: 'W0', title: 'identity, configuration and runtime are well formed' };

/** Other proven facts (a document's, a receipt's) are not a worker, whatever a caller's types say. */
const workers = new WeakSet<object>();

export function isProvenWorker(value: unknown): value is Verified<WorkerFacts> {
  return typeof value === 'object' && value !== null && workers.has(value);
}

/**
 * From evidence to a worker that may be relied on: the hardware's document, then what it binds (identity, keys,
 * configuration, runtime), then what the policy wants of those. Every step that was not reached is listed as such.
 */
export async function verifyWorker(given: Evidence, options: WorkerOptions): Promise<Verdict<Verified<WorkerFacts>>> {
  const { policy, suite } = options;
  checkArguments(options);
  // Copies: what is parsed here and what is hashed later must be the same bytes.
  const evidence: Evidence = {
    ...given,
    identity: copyOf(given.identity, 'identity'),
    configuration: copyOf(given.configuration, 'configuration'),
    runtime: copyOf(given.runtime, 'runtime'),
  };
  const parsing = parseStatements(evidence);
  if (evidence.tee !== policy.tee) return otherHardware(evidence.tee, policy);
  const ofPolicy: Check = { ...hardware, outcome: 'passed', detail: policy.tee };
  const attested = await attest(evidence, options);
  const later = laterChecks(policy);
  if (attested.verdict !== 'accepted') {
    return { ...attested, checks: [ofPolicy, ...attested.checks, ...notReached([statements, ...later])] };
  }
  const byHardware: readonly Check[] = [ofPolicy, ...attested.checks];
  if (!parsing.ok) {
    const checks = [...byHardware, checkOfError(statements, parsing.error), ...notReached(later)];
    return { verdict: 'malformed', code: parsing.code, checks, notProven: attested.notProven };
  }
  const { identity, configuration, runtime } = parsing;
  const before: readonly Check[] = [...byHardware, { ...statements, outcome: 'passed', detail: 'version 1' }];

  const binding = await bind(attested.proven, { evidence, identity, configuration, suite });
  if (binding.code !== null) {
    const checks = [...before, ...binding.checks, ...notReached(wishesOf(policy))];
    return { verdict: 'untrusted', code: binding.code, checks, notProven: attested.notProven };
  }
  const admission = await admit({ identity, configuration }, options);
  const checks = [...before, ...binding.checks, ...admission.checks];
  const notProven = stillOpen(attested.notProven, admission.checks);
  if (admission.code !== null) return { verdict: 'refused', code: admission.code, checks, notProven };

  const { attestation } = attested.proven;
  const proven = verified<WorkerFacts>({
    ...attested.proven,
    level: attestation.level,
    log: await suite.sha256(logPreimage(evidence.identity)),
    imageId: await suite.sha256(imagePreimage(attestation.tee, attestation.measurements)),
    identity,
    configuration,
    runtime,
    acceptedUntil: Math.min(attestation.acceptedUntil, freshUntil(options)),
  });
  workers.add(proven);
  return { verdict: 'accepted', proven, checks, notProven };
}

/** What the hardware proved, and the policy that it was held against: always of the same hardware. */
type Attested =
  | Pick<NitroWorkerFacts, 'tee' | 'attestation' | 'policy'>
  | Pick<SnpWorkerFacts, 'tee' | 'attestation' | 'policy'>;

async function attest(evidence: Evidence, options: WorkerOptions): Promise<Verdict<Attested>> {
  const { policy, now, challenge, suite, cache } = options;
  if (policy.tee === 'aws-nitro') {
    const verdict = await verifyNitroDocument(evidence.document, { policy, now, challenge, suite, cache });
    if (verdict.verdict !== 'accepted') return verdict;
    return { ...verdict, proven: { tee: policy.tee, attestation: verdict.proven, policy } };
  }
  const shown = asSnpEvidence(evidence);
  // Reports of version 2 name no CPU: which product lines and versions are wanted is for the policy.
  const verdict = await verifySnpReport(shown, { policy, now, challenge, product: 'any', suite, cache });
  if (verdict.verdict !== 'accepted') return verdict;
  return { ...verdict, proven: { tee: policy.tee, attestation: verdict.proven, policy } };
}

export function asSnpEvidence({ document, certificates, revocationLists }: Evidence): SnpEvidence {
  return { report: document, certificates, revocationLists };
}

function bind(attested: Attested, shown: StatementContext): Promise<RuleReport<UntrustedCode>> {
  return attested.tee === 'aws-nitro'
    ? runUntilFailure(nitroBindingRules, { ...shown, attestation: attested.attestation })
    : runUntilFailure(snpBindingRules, { ...shown, attestation: attested.attestation });
}

async function admit(
  worker: Pick<WorkerFacts, 'identity' | 'configuration'>,
  options: WorkerOptions,
): Promise<RuleReport<RefusedCode>> {
  const { policy } = options;
  const admission = await runAll(admissionRules, { policy, ...worker });
  if (policy.tee === 'aws-nitro') return admission;
  const freshness = await runAll(snpFreshnessRules, { ...options, policy });
  return { checks: [...admission.checks, ...freshness.checks], code: admission.code ?? freshness.code };
}

function freshUntil(options: WorkerOptions): number {
  const { policy } = options;
  if (policy.tee === 'aws-nitro' || policy.maxAgeSeconds === 'any') return Number.POSITIVE_INFINITY;
  const askedAt = timeOfChallenge(options);
  return askedAt === 'unknown' ? Number.POSITIVE_INFINITY : askedAt + policy.maxAgeSeconds * 1_000;
}

/** Measurements, roots and rules of one kind of hardware say nothing about another: nothing is verified. */
function otherHardware(found: TeeName, policy: WorkerPolicy): Verdict<never> {
  const failed: Check = { ...hardware, outcome: 'failed', detail: `${found} evidence, a policy for ${policy.tee}` };
  const checks = [failed, ...notReached(workerChecks(policy).slice(1))];
  return { verdict: 'untrusted', code: 'tee_not_trusted', checks, notProven: [] };
}

/** All that is checked about a worker under a policy, in order, for whoever did not come to it. */
export function workerChecks(policy: WorkerPolicy): readonly CheckName[] {
  const attestation = policy.tee === 'aws-nitro' ? nitroChecks : snpChecks;
  return [hardware, ...attestation, statements, ...laterChecks(policy)];
}

function laterChecks(policy: WorkerPolicy): readonly CheckName[] {
  const binding: readonly CheckName[] = policy.tee === 'aws-nitro' ? nitroBindingRules : snpBindingRules;
  return [...binding, ...wishesOf(policy)];
}

function wishesOf({ tee }: WorkerPolicy): readonly CheckName[] {
  return tee === 'aws-nitro' ? admissionRules : [...admissionRules, ...snpFreshnessRules];
}

function checkArguments({ policy, challengedAt }: WorkerOptions): void {
  if (!isParsedWorkerPolicy(policy)) {
    throw new VerifierError('policy_unparsed', 'use parseWorkerPolicy: it refuses a policy with a rule left out');
  }
  if (challengedAt !== 'unknown' && !Number.isSafeInteger(challengedAt)) {
    const detail = 'milliseconds since 1970 or the word "unknown" expected';
    throw new VerifierError('argument_invalid', detail, { field: 'challengedAt' });
  }
}

/** Left open by the document alone, and settled by the rules above. */
const SETTLED_HERE: ReadonlySet<string> = new Set(['N22', 'S20.binding', 'P.worker']);

function stillOpen(byDocument: readonly NotProven[], admission: readonly Check[]): readonly NotProven[] {
  return [...byDocument.filter(({ id }) => !SETTLED_HERE.has(id)), ...leftOpen(admission), ...beyondEvidence];
}

const beyondEvidence: readonly NotProven[] = [
  {
    id: 'P.answers',
    reason:
      'The policy’s rules about models, sealing and headers are about answers: each receipt is held against them.',
  },
  {
    id: 'time',
    reason: 'The worker has no clock: nothing here says when it will answer, only that its key was proven.',
  },
  { id: 'source', reason: 'An accepted image is as good as the build that its measurements were taken from.' },
];

type Statements =
  | (Pick<WorkerFacts, 'identity' | 'configuration' | 'runtime'> & { readonly ok: true })
  | { readonly ok: false; readonly code: MalformedCode; readonly error: WireError };

function parseStatements(evidence: Evidence): Statements {
  let code: MalformedCode = 'identity_invalid';
  try {
    const identity = decodeIdentity(evidence.identity);
    code = 'configuration_invalid';
    const configuration = decodeConfiguration(evidence.configuration);
    code = 'runtime_invalid';
    const runtime = decodeRuntime(evidence.runtime);
    return { ok: true, identity, configuration, runtime };
  } catch (error) {
    if (error instanceof WireError) return { ok: false, code, error };
    throw error;
  }
}
