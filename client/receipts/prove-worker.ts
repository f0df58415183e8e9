import {
  type Check,
  createChainCache,
  type Verified,
  verifyWorker,
  type WorkerFacts,
  type WorkerPolicy,
} from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeEvidence, type Evidence } from '../../wire/message/evidence.ts';
import { ClientError } from '../errors.ts';
import type { HostTransport } from '../transport.ts';

export interface Asker {
  readonly host: HostTransport;
  readonly policy: WorkerPolicy;
  readonly suite: Suite;
  readonly now: () => number;
}

export interface ProvenWorker {
  readonly worker: Verified<WorkerFacts>;
  readonly evidence: Evidence;
  readonly challenge: Uint8Array;
  /** How it was proven. */
  readonly checks: readonly Check[];
}

/** The worker behind a log, by evidence that was made for this question. Undefined asks for any that the host has. */
export async function proveWorker(asker: Asker, log: Uint8Array | undefined): Promise<ProvenWorker> {
  const { host, policy, suite, now } = asker;
  const challengedAt = now();
  const challenge = suite.randomBytes(32);
  const named = log === undefined ? '' : `&log=${toHex(log)}`;
  const served = await host.get(`/v1/evidence?challenge=${toHex(challenge)}${named}`, limits.evidenceBytes);
  const evidence = shown(() => decodeEvidence(served));
  const cache = createChainCache({ maxEntries: 8 });
  const verdict = await verifyWorker(evidence, { policy, now: now(), challenge, challengedAt, suite, cache });
  if (verdict.verdict !== 'accepted') {
    throw new ClientError('evidence_refused', `the worker is ${verdict.verdict}: ${verdict.code}`, {
      reason: verdict.code,
      verdict,
    });
  }
  return { worker: verdict.proven, evidence, challenge, checks: verdict.checks };
}

/** What a host shows and cannot be what it says it is: nobody honest sends that. */
export function shown<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}
