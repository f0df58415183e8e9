import { WireError } from '../../wire/errors.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { decodeRuntime } from '../../wire/message/execution.ts';
import { decodeIdentity, imagePreimage, logPreimage } from '../../wire/message/identity.ts';
import type { MalformedCode } from '../errors.ts';
import { verifyNitroDocument } from '../nitro/verify.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { notReached, runAll, runUntilFailure } from '../rules.ts';
import type { WorkerFacts, WorkerOptions } from './facts.ts';
import { admissionRules, bindingRules } from './rules.ts';

/**
 * From evidence to a worker that may be relied on: the hardware's document, then what it binds (identity, keys,
 * configuration, runtime), then what the policy wants of those. Every step that was not reached is listed as such.
 */
export async function verifyWorker(
  evidence: Evidence,
  options: WorkerOptions,
): Promise<Verdict<Verified<WorkerFacts>>> {
  const { policy, suite } = options;
  const parsing = parseStatements(evidence);
  const statements = { id: 'W0', title: 'identity, configuration and runtime are well formed' };
  const later = [...bindingRules, ...admissionRules];
  const attestation = await verifyNitroDocument(evidence.document, options);
  if (attestation.verdict !== 'accepted') {
    return { ...attestation, checks: [...attestation.checks, ...notReached([statements, ...later])] };
  }
  const { notProven } = attestation;
  if (!parsing.ok) {
    const checks: readonly Check[] = [
      ...attestation.checks,
      { ...statements, outcome: 'failed', detail: parsing.detail },
      ...notReached(later),
    ];
    return { verdict: 'malformed', code: parsing.code, checks, notProven };
  }
  const { identity, configuration, runtime } = parsing;
  const before: readonly Check[] = [...attestation.checks, { ...statements, outcome: 'passed', detail: 'version 1' }];
  const facts = attestation.proven;

  const binding = await runUntilFailure(bindingRules, { evidence, attestation: facts, identity, configuration, suite });
  if (binding.code !== null) {
    const checks = [...before, ...binding.checks, ...notReached(admissionRules)];
    return { verdict: 'untrusted', code: binding.code, checks, notProven };
  }
  const admission = await runAll(admissionRules, { policy, identity, configuration });
  const checks = [...before, ...binding.checks, ...admission.checks];
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
  return { verdict: 'accepted', proven, checks, notProven: [...notProven, ...workerNotProven] };
}

const workerNotProven: readonly NotProven[] = [
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
  let code: MalformedCode = 'identity_invalid';
  try {
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
