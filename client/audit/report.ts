import {
  type ArchiveVerdict,
  type Check,
  codeMeanings,
  type NotProven,
  type Undetermined,
  type VerifierCode,
} from '../../verifier/index.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import type { ResultLevels } from '../levels/index.ts';

/** What this command itself says no to, before the verifier is asked. Every one of them makes a `malformed` verdict. */
export const inputCodes = {
  input_empty: 'there are no bytes to judge',
  input_too_large: 'the input is longer than any evidence',
  input_unrecognised: 'the input is no kind of evidence that this command knows',
  input_unreadable: 'the file of a case cannot be read',
  input_encoding: 'the input is not in the encoding that was named',
  chain_unreadable: 'a file of certificates holds something else',
  tee_mismatch: 'the evidence is of other hardware than was asked for',
  unsupported_tee: 'this version does not verify evidence of this hardware',
} as const;

export type InputCode = keyof typeof inputCodes;

const undeterminedCodes: Readonly<Record<Undetermined['code'], string>> = {
  not_anchored: 'no third party dated the head, so nobody can say when it existed',
  anchor_not_checked: 'the time anchors are of kinds that are not checked, or by nobody that the policy names',
  challenge_undated: 'nobody that the policy names dated the challenge, and a report carries no time of its own',
  payload_missing: 'request or answer were deleted, so the receipt can be held against nothing',
};

/** What is said no to for the levels of a result, whatever the hardware's evidence is worth. */
const levelCodes = {
  disputed: 'an auditor whom the levels policy names computed other bits',
  level_missing: 'the result does not have the level that is asked for',
} as const;

export type AuditCode = VerifierCode | InputCode | Undetermined['code'] | keyof typeof levelCodes;
export type AuditVerdict = ArchiveVerdict['verdict'];

export function meaningOf(code: AuditCode): string {
  const { malformed, untrusted, refused, misuse } = codeMeanings;
  const all: Readonly<Record<AuditCode, string>> = {
    ...malformed,
    ...untrusted,
    ...refused,
    ...misuse,
    ...inputCodes,
    ...undeterminedCodes,
    ...levelCodes,
  };
  return all[code];
}

export const verdictMeanings: Readonly<Record<AuditVerdict, string>> = {
  accepted: 'Every check passed that the policy asks for.',
  malformed: 'The bytes are not what they should be; nothing was learned from them.',
  untrusted: 'The cryptography does not lead to a trusted root. A forgery looks like this.',
  refused: 'The evidence is genuine, and the policy does not accept it.',
  undetermined: 'No check failed, and something that is needed for a verdict is missing.',
};

/**
 * `accepted`: the whole audit ended well. `authentic`: signed or hashed up to the root shown, and the audit did not end
 * well all the same. `claimed`: read from the bytes; nothing vouches for it. The three never share a name in the JSON,
 * so that a script cannot take one for another (verifier-checks X16).
 */
export type Standing = 'accepted' | 'authentic' | 'claimed';

export type FactValue = string | number | boolean | null | readonly string[];

export interface Fact {
  readonly key: string;
  readonly label: string;
  readonly value: FactValue;
}

export interface FactGroup {
  readonly key: string;
  readonly title: string;
  readonly standing: Standing;
  readonly facts: readonly Fact[];
}

/** `unproven`: the checks of this link, or of one above it, were not reached. */
export type LinkState = 'proven' | 'broken' | 'unproven';

/** One step from the root of trust down to the answer, and what ties it to the step above. */
export interface TrustLink {
  readonly kind: 'root' | 'ca' | 'leaf' | 'document' | 'worker' | 'head' | 'receipt' | 'answer' | 'model' | 'policy';
  readonly title: string;
  readonly by: string;
  readonly state: LinkState;
  /** Ids of the checks that decide about this link. */
  readonly checks: readonly string[];
  readonly facts: readonly Fact[];
}

export type InputKind =
  | 'proofmark-archive'
  | 'nitro-document'
  | 'snp-report'
  | 'snp-extended-report'
  | 'host-evidence'
  | 'unknown';

export interface InputFacts {
  /** A file's name, "standard input", or a URL. */
  readonly name: string;
  readonly kind: InputKind;
  readonly encoding: 'binary' | 'hex' | 'base64' | 'json' | 'unknown';
  readonly bytes: number;
  readonly sha256: string;
}

export const inputKindNames: Readonly<Record<InputKind, string>> = {
  'proofmark-archive': 'a .proofmark archive',
  'nitro-document': 'an AWS Nitro attestation document',
  'snp-report': 'an AMD SEV-SNP attestation report',
  'snp-extended-report': 'an AMD SEV-SNP attestation report with its table of certificates',
  'host-evidence': 'the evidence of the worker behind this host',
  unknown: 'nothing that this command knows',
};

export interface Judgement {
  readonly purpose: 'live' | 'archive';
  /** The time that validity was judged at. */
  readonly at: string;
  /** The clock of whoever asked for this report. */
  readonly readAt: string;
  /** The 32 bytes that the evidence had to answer, or "any". */
  readonly challenge: string;
  readonly policy: { readonly name: string; readonly origin: PolicyOrigin };
}

/** `shipped`: the default in attestations/policies, which accepts no image. `survey`: the open one of a batch. */
export type PolicyOrigin = 'given' | 'shipped' | 'survey';

/** Somebody's word about when something existed, and whether the verdict rests on it. */
export interface DateWord {
  readonly of: 'document' | 'challenge' | 'head';
  /** null where nobody says. */
  readonly at: string | null;
  readonly by: string;
  readonly counts: boolean;
  readonly meaning: string;
}

/**
 * `over-when-judged`: it had ended at the time that was judged. `over-since`: it held then, and has ended by the clock of
 * whoever reads the report.
 */
export type LifetimeState = 'holds' | 'over-when-judged' | 'over-since';

export interface Lifetime {
  readonly kind: 'certificate' | 'revocation-list' | 'evidence' | 'policy';
  readonly title: string;
  readonly until: string;
  readonly state: LifetimeState;
  /** Whether that has a bearing on what the reader may rely on. */
  readonly matters: boolean;
  readonly meaning: string;
}

/** `no-answer`: the input is no saved answer, or could not be read as one. */
export type AuditedLevels = ResultLevels | 'no-answer';

export interface AuditReport {
  readonly verdict: AuditVerdict;
  readonly code: AuditCode | null;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
  readonly input: InputFacts;
  readonly tee: TeeName | null;
  readonly level: 'attested' | 'simulated' | null;
  /** null where the input was rejected before anything was judged. */
  readonly judgement: Judgement | null;
  /** Of a saved answer: who vouches for it, how. */
  readonly levels: AuditedLevels;
  readonly trust: readonly TrustLink[];
  readonly groups: readonly FactGroup[];
  /** Who says when it was: the hardware, and third parties. */
  readonly dates: readonly DateWord[];
  /** What holds for a while only, and what its end means for the verdict. */
  readonly lifetimes: readonly Lifetime[];
  /** What the reader can do about the verdict. */
  readonly advice: readonly string[];
}

export function fact(key: string, label: string, value: FactValue): Fact {
  return { key, label, value };
}
