import type { Suite } from '../../wire/crypto/suite.ts';
import type { ChainCache } from '../cache/chain-cache.ts';
import type { SnpProduct } from '../codec/snp-product.ts';
import type { SnpCpu, SnpFirmware, SnpReportVersion } from '../codec/snp-report.ts';
import type { SnpTcb } from '../codec/snp-tcb.ts';
import type { CertificateSummary } from '../nitro/facts.ts';
import type { Any } from '../policy/readers.ts';
import type { SnpPolicy, SnpSigner } from '../policy/snp-policy.ts';

/** What a host shows for an SNP guest. All of it is unproven. */
export interface SnpEvidence {
  /** Exactly the 1184 bytes that the firmware signed. */
  readonly report: Uint8Array;
  /** DER, in any order: root (ARK), intermediate (ASK or ASVK) and endorsement certificate (VCEK or VLEK). */
  readonly certificates: readonly Uint8Array[];
  /** DER; at most one, by the root. */
  readonly revocationLists: readonly Uint8Array[];
}

export interface SnpOptions {
  readonly policy: SnpPolicy;
  /** Milliseconds since 1970. A report carries no time of its own, so nothing but the certificates is judged by it. */
  readonly now: number;
  /** The 32 bytes that the caller drew and sent; a challenge may be used for one report only, which the caller keeps. */
  readonly challenge: Uint8Array | Any;
  /** What the caller knows of the machine. Reports of version 2 do not name their CPU, so "any" takes the certificate's word. */
  readonly product: SnpProduct | Any;
  readonly suite: Suite;
  /** Spares the signatures of intermediates that were checked before. Never changes a verdict. */
  readonly cache: ChainCache | 'none';
}

export interface SnpTcbs {
  readonly current: SnpTcb;
  readonly reported: SnpTcb;
  readonly committed: SnpTcb;
  readonly launch: SnpTcb;
}

/** What an SNP report proves once every check ran. Byte arrays are copies; nothing in here is unverified. */
export interface SnpFacts {
  /** Computed from the root, never declared: only a pinned vendor anchor makes `attested`. */
  readonly level: 'attested' | 'simulated';
  readonly tee: 'amd-sev-snp';
  /** Names the pinned anchor; a root of someone's own has no name but "simulated". */
  readonly root: { readonly name: string; readonly sha256: Uint8Array };
  /** SHA-256 of what was signed. Never of the signature: (r, n - s) is another signature of the same report. */
  readonly documentId: Uint8Array;
  readonly reportVersion: SnpReportVersion;
  readonly product: SnpProduct;
  readonly signer: SnpSigner;
  readonly cpu: SnpCpu | null;
  /** As in the report, or as the certificate names it where the report masks it; null where neither does. */
  readonly chipId: Uint8Array | null;
  /** The cloud to which AMD gave a VLEK. */
  readonly cspId: string | null;
  readonly vmpl: number;
  readonly guestSvn: number;
  readonly guestPolicy: bigint;
  readonly platformInfo: bigint;
  readonly debug: boolean;
  readonly measurement: Uint8Array;
  /** The measurements that an image id is made of (DESIGN section 3). */
  readonly measurements: readonly [Uint8Array];
  readonly hostData: Uint8Array;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly authorKeyEnabled: boolean;
  readonly reportId: Uint8Array;
  readonly migrationAgentReportId: Uint8Array;
  readonly tcb: SnpTcbs;
  readonly firmware: { readonly current: SnpFirmware; readonly committed: SnpFirmware };
  readonly mitigations: { readonly launch: bigint; readonly current: bigint } | null;
  readonly reportData: Uint8Array;
  /** The first half of report_data: what the guest binds (DESIGN section 3). */
  readonly userData: Uint8Array;
  /** The second half: the challenge that the guest answers. */
  readonly nonce: Uint8Array;
  /** Root first, leaf last. */
  readonly certificates: readonly CertificateSummary[];
  /** When every certificate of the chain is valid; both bounds inclusive. */
  readonly validity: { readonly notBefore: number; readonly notAfter: number };
  /** The earlier of: end of validity and the policy's expiry. There is no age to add: the report has no date. */
  readonly acceptedUntil: number;
  readonly verifiedAt: number;
  readonly policy: { readonly name: string; readonly version: number };
}
