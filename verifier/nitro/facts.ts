import type { Suite } from '../../wire/crypto/suite.ts';
import type { ChainCache } from '../cache/chain-cache.ts';
import type { NitroPolicy } from '../policy/policy.ts';

export interface NitroOptions {
  readonly policy: NitroPolicy;
  /** Milliseconds since 1970. An argument, never the evidence's own clock (verifier-checks X6). */
  readonly now: number;
  /** The 32 bytes that the caller drew and sent; a challenge may be used for one document only, which the caller keeps. */
  readonly challenge: Uint8Array | 'any';
  readonly suite: Suite;
  /** Spares the signatures of CAs that were checked before. Never changes a verdict. */
  readonly cache: ChainCache | 'none';
}

export interface CertificateSummary {
  readonly commonName: string | null;
  readonly serial: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly sha256: Uint8Array;
  /** Of the signed part: stays the same when the signature is re-encoded, so deny lists and caches key on it. */
  readonly tbsSha256: Uint8Array;
}

/** What a Nitro document proves once every check ran. Byte arrays are copies; nothing in here is unverified. */
export interface NitroFacts {
  /** Computed from the root, never declared: only a pinned vendor anchor makes `attested`. */
  readonly level: 'attested' | 'simulated';
  readonly tee: 'aws-nitro';
  /** Names the pinned anchor; a root of someone's own has no name but "simulated". */
  readonly root: { readonly name: string; readonly partition: string; readonly sha256: Uint8Array };
  /** SHA-256 of what was signed. Never of the signature: (r, n - s) is another signature of the same document. */
  readonly documentId: Uint8Array;
  readonly moduleId: string;
  /** As the leaf's name states it, or null where it states none. */
  readonly region: string | null;
  /** Milliseconds since 1970, by the hypervisor's clock. */
  readonly timestamp: number;
  readonly debug: boolean;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** The measurements that an image id is made of (DESIGN section 3), in order: PCR0, PCR1, PCR2. */
  readonly measurements: readonly [Uint8Array, Uint8Array, Uint8Array];
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
  /** Root first, leaf last. */
  readonly certificates: readonly CertificateSummary[];
  /** When every certificate of the chain is valid; both bounds inclusive. */
  readonly validity: { readonly notBefore: number; readonly notAfter: number };
  /** The earliest of: end of validity, the policy's expiry, and the policy's maximum age. */
  readonly acceptedUntil: number;
  readonly verifiedAt: number;
  readonly policy: { readonly name: string; readonly version: number };
}
