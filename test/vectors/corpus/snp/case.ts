import type { ReportRequest } from '../../../../enclave/simulator/snp/authority.ts';
import { toHex } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { CHALLENGE, NOW } from '../base.ts';
import type { Expectation, Refusal } from '../case.ts';
import { nameIn, writeExpectation } from '../case.ts';
import { GUEST, type MachineOptions, machine, type Product, revocationList } from './base.ts';
import { SNP_POLICIES } from './policies.ts';

/** A case as its author writes it. Whatever is not said is right: only one thing differs from accepted evidence. */
export interface SnpCaseSpec {
  readonly id: string;
  readonly title: string;
  readonly list: string;
  readonly expect: 'accepted' | Refusal;
  readonly machine?: MachineOptions;
  readonly guest?: Partial<ReportRequest>;
  /** Of the finished report. */
  readonly report?: (made: Uint8Array) => Uint8Array;
  /** Leaf, intermediate, root. */
  readonly certificates?: (made: readonly Uint8Array[]) => readonly Uint8Array[];
  readonly lists?: readonly Uint8Array[];
  readonly policy?: string;
  readonly at?: number;
  readonly challenge?: Uint8Array | 'any';
  readonly product?: Product | 'any';
}

/** As it stands in the files: see attestations/vectors/README.md. Certificates and lists are named by SHA-256. */
export interface SnpCorpusCase {
  readonly id: string;
  readonly title: string;
  readonly list: string;
  readonly tee: 'amd-sev-snp';
  readonly report: string;
  readonly certificates: readonly string[];
  readonly revocationLists: readonly string[];
  readonly at: string;
  readonly challenge: string;
  readonly product: string;
  readonly policy: string;
  readonly expect: Expectation;
}

/** Most cases show the same certificates, so each is kept once. */
export function writeSnpCase(spec: SnpCaseSpec, kept: Map<string, string>): SnpCorpusCase {
  const { certificates, report } = machine(spec.machine);
  const made = report({ ...GUEST, ...spec.guest });
  const product = spec.machine?.product ?? 'Genoa';
  const challenge = spec.challenge ?? CHALLENGE;
  const keep = (bytes: Uint8Array): string => {
    const name = toHex(sha256(bytes));
    kept.set(name, text(bytes));
    return name;
  };
  return {
    id: `snp-${spec.id}`,
    title: spec.title,
    list: spec.list,
    tee: 'amd-sev-snp',
    report: text(spec.report?.(made) ?? made),
    certificates: (spec.certificates?.(certificates) ?? certificates).map(keep),
    revocationLists: (spec.lists ?? [revocationList(product)]).map(keep),
    at: new Date(spec.at ?? NOW).toISOString(),
    challenge: challenge === 'any' ? 'any' : text(challenge),
    product: spec.product ?? 'any',
    policy: nameIn(SNP_POLICIES, spec.policy ?? 'strict'),
    expect: writeExpectation(spec.expect),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
