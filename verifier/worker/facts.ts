import type { Suite } from '../../wire/crypto/suite.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import type { Runtime } from '../../wire/message/execution.ts';
import type { WorkerIdentity } from '../../wire/message/identity.ts';
import type { ChainCache } from '../cache/chain-cache.ts';
import type { NitroFacts } from '../nitro/facts.ts';
import type { NitroPolicy } from '../policy/policy.ts';

export interface WorkerOptions {
  readonly policy: NitroPolicy;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly challenge: Uint8Array | 'any';
  readonly suite: Suite;
  readonly cache: ChainCache | 'none';
}

/** A worker whose hardware, image, keys and configuration were proven together and accepted by one policy. */
export interface WorkerFacts {
  readonly level: 'attested' | 'simulated';
  readonly attestation: NitroFacts;
  /** The name of this key epoch: hash of the identity words. */
  readonly log: Uint8Array;
  readonly imageId: Uint8Array;
  readonly identity: WorkerIdentity;
  readonly configuration: Configuration;
  readonly runtime: Runtime;
  /** The policy that accepted it; the same one rules over its receipts. */
  readonly policy: NitroPolicy;
  readonly acceptedUntil: number;
}
