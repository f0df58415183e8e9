import { WireError } from '../../wire/errors.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { decodeRuntime } from '../../wire/message/execution.ts';
import { decodeIdentity, imagePreimage, logPreimage } from '../../wire/message/identity.ts';
import { copyOf } from '../copy.ts';
import type { MalformedCode } from '../errors.ts';
import { verifyNitroDocument } from '../nitro/verify.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { type CheckName, leftOpen, notReached, runAll, runUntilFailure } from '../rules.ts';
import type { WorkerFacts, WorkerOptions } from './facts.ts';
import { admissionRules, bindingRules } from './rules.ts';

const statements: CheckName = { id: 'W0', title: 'envelope, identity, configuration and runtime are well formed' };

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
  // Copies: what is parsed here and what is hashed later must be the same bytes.
  const evidence: Evidence = {
    ...given,
    identity: copyOf(given.identity, 'identity'),
    configuration: copyOf(given.configuration, 'configuration'),
    runtime: copyOf(given.runtime, 'runtime'),
  };
  const parsing = parseStatements(evidence);
  const later = [...bindingRules, ...admissionRules];
  const attestation = await verifyNitroDocument(evidence.document, options);
  if (attestation.verdict !== 'accepted') {
    return { ...attestation, checks: [...attestation.checks, ...notReached([statements, ...later])] };
  }
  if (!parsing.ok) {
    const checks: readonly Check[] = [
      ...attestation.checks,
      { ...statements, outcome: 'failed', detail: parsing.detail },
      ...notReached(later),
    ];
    return { verdict: 'malformed', code: parsing.code, checks, notProven: attestation.notProven };
  }
  const { identity, configuration, runtime } = parsing;
  const before: readonly Check[] = [...attestation.checks, { ...statements, outcome: 'passed', detail: 'version 1' }];
  const facts = attestation.proven;

  const binding = await runUntilFailure(bindingRules, { evidence, attestation: facts, identity, configuration, suite });
  if (binding.code !== null) {
    const checks = [...before, ...binding.checks, ...notReached(admissionRules)];
    return { verdict: 'untrusted', code: binding.code, checks, notProven: attestation.notProven };
  }
  const admission = await runAll(admissionRules, { policy, identity, configuration });
  const checks = [...before, ...binding.checks, ...admission.checks];
  const notProven = stillOpen(attestation.notProven, admission.checks);
  if (admission.code !== null) return { verdict: 'refused', code: admission.code, checks, notProven };

  const proven = verified<WorkerFacts>({
    level: facts.level,
    attestation: facts,
    log: await suite.sha256(logPreimage(evidence.identity)),
    imageId: await suite.sha256(imagePreimage('aws-nitro', facts.measurements)),
    identity,
    configuration,
    runtime,
    policy,
    acceptedUntil: facts.acceptedUntil,
  });
  workers.add(proven);
  return { verdict: 'accepted', proven, checks, notProven };
}

/** Left open by the document alone, and settled by the rules above. */
const SETTLED_HERE: ReadonlySet<string> = new Set(['N22', 'P.worker']);

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
  | { readonly ok: false; readonly code: MalformedCode; readonly detail: string };

function parseStatements(evidence: Evidence): Statements {
  let code: MalformedCode = 'evidence_invalid';
  try {
    if (evidence.tee !== 'aws-nitro') {
      throw new WireError('field_invalid', 'the document is of AWS Nitro', { field: 'tee' });
    }
    code = 'identity_invalid';
    const identity = decodeIdentity(evidence.identity);
    code = 'configuration_invalid';
    const configuration = decodeConfiguration(evidence.configuration);
    code = 'runtime_invalid';
    const runtime = decodeRuntime(evidence.runtime);
    return { ok: true, identity, configuration, runtime };
  } catch (error) {
    if (error instanceof WireError) return { ok: false, code, detail: error.message };
    throw error;
  }
}
