import type { VerifierCode } from '../../../verifier/index.ts';
import { CHALLENGE, NOW } from './base.ts';
import { type DocumentEdit, documentWith } from './document.ts';
import { POLICIES } from './policies.ts';

/** A case as its author writes it. Whatever is not said is right: only one thing differs from accepted evidence. */
export interface CaseSpec {
  readonly id: string;
  readonly title: string;
  /** Of the attack list: V15, X3, P14. */
  readonly list: string;
  readonly expect: 'accepted' | Refusal;
  readonly edit?: DocumentEdit;
  /** Instead of an edited document. */
  readonly document?: Uint8Array;
  readonly policy?: string;
  readonly at?: number;
  readonly challenge?: Uint8Array | 'any';
}

/** Verdict, code, and the id of the check that says no. */
export type Refusal = readonly ['malformed' | 'untrusted' | 'refused', VerifierCode, string];

/** As it stands in the files: see attestations/vectors/README.md. */
export interface CorpusCase {
  readonly id: string;
  readonly title: string;
  readonly list: string;
  readonly tee: 'aws-nitro';
  readonly document: string;
  readonly at: string;
  readonly challenge: string;
  readonly policy: string;
  readonly expect: Expectation;
}

export interface Expectation {
  readonly verdict: 'accepted' | 'malformed' | 'untrusted' | 'refused';
  readonly code: string | null;
  /** The one check that fails. */
  readonly check: string | null;
}

export function writeCase(spec: CaseSpec): CorpusCase {
  const { expect, challenge = CHALLENGE } = spec;
  return {
    id: `nitro-${spec.id}`,
    title: spec.title,
    list: spec.list,
    tee: 'aws-nitro',
    document: text(spec.document ?? documentWith(spec.edit)),
    at: new Date(spec.at ?? NOW).toISOString(),
    challenge: challenge === 'any' ? 'any' : text(challenge),
    policy: nameIn(POLICIES, spec.policy ?? 'strict'),
    expect: writeExpectation(expect),
  };
}

export function nameIn(policies: { readonly [name: string]: unknown }, name: string): string {
  if (policies[name] === undefined) throw new RangeError(`no policy ${name}`);
  return name;
}

export function writeExpectation(expect: 'accepted' | Refusal): Expectation {
  if (expect === 'accepted') return { verdict: 'accepted', code: null, check: null };
  return { verdict: expect[0], code: expect[1], check: expect[2] };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
