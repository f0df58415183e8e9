import type { ParsedRevocationList } from '../codec/crl.ts';
import type { SnpProduct } from '../codec/snp-product.ts';
import type { ParsedSnpReport } from '../codec/snp-report.ts';
import type { RefusedCode } from '../errors.ts';
import type { Any } from '../policy/readers.ts';
import type { SnpPolicyRules, SnpSigner } from '../policy/snp-policy.ts';
import type { Finding, Rule } from '../rules.ts';

/** Genuine evidence, and what the policy and the caller ask of it. */
export interface SnpPolicyContext {
  readonly report: ParsedSnpReport;
  readonly product: SnpProduct;
  readonly signer: SnpSigner;
  /** The chip, from the report or the certificate, in the form of CHIP_ID; null where neither names it. */
  readonly chipId: Uint8Array | null;
  readonly cspId: string | null;
  readonly rootSha256: Uint8Array;
  /** SHA-256 of the signed part of each certificate, root first. */
  readonly tbsSha256: readonly Uint8Array[];
  readonly revocationList: ParsedRevocationList | null;
  readonly level: 'attested' | 'simulated';
  readonly policy: SnpPolicyRules;
  readonly now: number;
  readonly challenge: Uint8Array | Any;
}

export type SnpRule = Rule<SnpPolicyContext, RefusedCode>;
export type SnpFinding = Finding<RefusedCode>;
