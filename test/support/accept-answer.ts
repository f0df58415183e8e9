import {
  type NitroPolicy,
  parsePolicy,
  requireAccepted,
  type Verified,
  verifyWorker,
  type WorkerFacts,
} from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { ANSWERED, ASKED, measured, plain, publisher, root } from './answer.ts';

/** Every rule asked; what a test does not name is what the default answer has. */
export function answerPolicy(changes: Readonly<Record<string, JsonValue>> = {}): Readonly<Record<string, JsonValue>> {
  const { evidence, modelId } = plain;
  const zeros = toHex(new Uint8Array(20));
  return {
    version: 1,
    name: 'tests',
    expires: '2031-01-01T00:00:00Z',
    tee: 'aws-nitro',
    level: 'simulated',
    roots: [toHex(sha256(root.certificate))],
    images: [{ pcr0: toHex(measured(1)), pcr1: toHex(measured(2)), pcr2: toHex(measured(3)) }],
    pcrs: { '3': [toHex(measured(0))], '4': [toHex(measured(0))], '8': [toHex(measured(0))] },
    debug: 'refuse',
    maxAgeSeconds: 600,
    futureSkewSeconds: 300,
    leafLifetimeSeconds: 10_860,
    moduleId: 'matches-certificate',
    regions: ['zz-simulated-1'],
    unknownFields: 'refuse',
    userDataLimit: 512,
    configurations: [toHex(sha256(evidence.configuration))],
    runtimes: [toHex(sha256(evidence.runtime))],
    operators: [zeros],
    chain: { chainId: '0', registry: zeros, settlement: zeros },
    publishers: [toHex(publisher)],
    models: [toHex(modelId)],
    sealed: 'required',
    headers: 'client-only',
    anchors: 'none',
    denied: { certificates: [], modules: [], images: [] },
    ...changes,
  };
}

/** The policy with every rule asked. */
export const strict: NitroPolicy = parsePolicy(answerPolicy());

export function policyFor(changes: Readonly<Record<string, JsonValue>> = {}): NitroPolicy {
  return Object.keys(changes).length === 0 ? strict : parsePolicy(answerPolicy(changes));
}

const proven = new WeakMap<Evidence, WeakMap<NitroPolicy, Promise<Verified<WorkerFacts>>>>();

export function provenWorker(
  evidence: Evidence = plain.evidence,
  policy: NitroPolicy = strict,
): Promise<Verified<WorkerFacts>> {
  const known = proven.get(evidence) ?? new WeakMap<NitroPolicy, Promise<Verified<WorkerFacts>>>();
  proven.set(evidence, known);
  const facts = known.get(policy) ?? prove(evidence, policy);
  known.set(policy, facts);
  return facts;
}

async function prove(evidence: Evidence, policy: NitroPolicy): Promise<Verified<WorkerFacts>> {
  return requireAccepted(
    await verifyWorker(evidence, {
      policy,
      now: ANSWERED,
      challenge: ASKED,
      challengedAt: ANSWERED,
      suite: nodeSuite,
      cache: 'none',
    }),
  );
}

/** `accepted`, or the verdict and its code in one text. */
export function ruling(verdict: { readonly verdict: string; readonly code?: string }): string {
  return verdict.code === undefined ? verdict.verdict : `${verdict.verdict} ${verdict.code}`;
}
