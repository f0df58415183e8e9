import type { Suite } from '../../wire/crypto/suite.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import type { Runtime } from '../../wire/message/execution.ts';
import type { WorkerIdentity } from '../../wire/message/identity.ts';
import type { ChainCache } from '../cache/chain-cache.ts';
import type { NitroFacts } from '../nitro/facts.ts';
import type { NitroPolicy } from '../policy/policy.ts';
import type { SnpPolicy } from '../policy/snp-policy.ts';
import type { WorkerPolicy } from '../policy/worker-policy.ts';
import type { SnpFacts } from '../snp/facts.ts';

export interface WorkerOptions {
  readonly policy: WorkerPolicy;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly challenge: Uint8Array | 'any';
  /**
   * When the challenge was drawn, in milliseconds since 1970, by the caller's own clock or by a third party's that it
   * trusts: the age of an SNP report, which carries no time. Nitro documents are judged by their own timestamp.
   */
  readonly challengedAt: number | 'unknown';
  readonly suite: Suite;
  readonly cache: ChainCache | 'none';
}

/** A worker whose hardware, image, keys and configuration were proven together and accepted by one policy. */
export type WorkerFacts = NitroWorkerFacts | SnpWorkerFacts;

interface CommonWorkerFacts {
  readonly level: 'attested' | 'simulated';
  /** The name of this key epoch: hash of the identity words. */
  readonly log: Uint8Array;
  readonly imageId: Uint8Array;
  readonly identity: WorkerIdentity;
  readonly configuration: Configuration;
  readonly runtime: Runtime;
  /** The time up to which `policy` accepts the key without another document. */
  readonly acceptedUntil: number;
}

export interface NitroWorkerFacts extends CommonWorkerFacts {
  readonly tee: 'aws-nitro';
  readonly attestation: NitroFacts;
  /** The policy that accepted it; the same one rules over its receipts. */
  readonly policy: NitroPolicy;
}

export interface SnpWorkerFacts extends CommonWorkerFacts {
  readonly tee: 'amd-sev-snp';
  readonly attestation: SnpFacts;
  readonly policy: SnpPolicy;
}
