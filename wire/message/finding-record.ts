import { concatBytes, toHex, utf8 } from '../bytes.ts';
import { array, hexBytes, integer, literal, nullable, object, oneOf, type Reader } from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { APPROVAL_BYTES } from './approval.ts';
import { decodeFinding, FINDING_BYTES, type Finding, revealMessage } from './finding.ts';

/**
 * How auditors publish: UTF-8 JSON with hex fields, each holding what was signed or hashed; the JSON around them is never
 * signed. Nothing is checked by reading. Published schemas: attestations/schemas/proofmark-{finding,approval}.schema.json.
 */

/** A commit as its auditor shows it before the finding. */
export interface CommitRecord {
  readonly format: 'proofmark finding commit v1';
  readonly auditor: Uint8Array;
  readonly leaf: Uint8Array;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

export interface FindingRecord {
  readonly format: 'proofmark finding v1';
  readonly finding: Uint8Array;
  readonly signature: Uint8Array;
  readonly blinding: Uint8Array;
  readonly commit: { readonly digest: Uint8Array; readonly signature: Uint8Array };
  /** How the index came to be looked at; null where somebody named it, and nothing was drawn. */
  readonly drawn: DrawnFrom | null;
  /** Over `revealMessage`: the auditor's word that finding, blinding, commit, draw and held commits belong together. */
  readonly reveal: Uint8Array;
  readonly statement: ShownStatement;
  /** Commits of others to a finding about the same leaf, which its auditor held when it showed this. */
  readonly held: readonly HeldCommit[];
  /** `all`: every peer's commit was there. `deadline`: it waited, and then went on without. `alone`: it names no peers. */
  readonly waited: 'all' | 'deadline' | 'alone';
}

export interface DrawnFrom {
  /** Which audit of this auditor: its link is so many hashes before the anchor. */
  readonly number: number;
  readonly link: Uint8Array;
  /** How many leaves were drawn. */
  readonly samples: number;
}

/** The auditor's signed word on its hash chain. */
export interface ShownStatement {
  readonly links: number;
  readonly anchor: Uint8Array;
  readonly signature: Uint8Array;
}

export interface HeldCommit {
  readonly auditor: Uint8Array;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

/** An auditor's yes, for one escrow. */
export interface ApprovalRecord {
  readonly format: 'proofmark approval v1';
  readonly auditor: Uint8Array;
  readonly approval: Uint8Array;
  readonly signature: Uint8Array;
}

const commitReader: Reader<CommitRecord> = object<CommitRecord>({
  format: literal('proofmark finding commit v1'),
  auditor: hexBytes(64),
  leaf: hexBytes(32),
  digest: hexBytes(32),
  signature: hexBytes(64),
});

const findingReader: Reader<FindingRecord> = object<FindingRecord>({
  format: literal('proofmark finding v1'),
  finding: hexBytes(FINDING_BYTES),
  signature: hexBytes(64),
  blinding: hexBytes(32),
  commit: object<FindingRecord['commit']>({ digest: hexBytes(32), signature: hexBytes(64) }),
  drawn: nullable(
    object<DrawnFrom>({
      number: integer({ min: 1, max: limits.auditorLinks }),
      link: hexBytes(32),
      samples: integer({ min: 1, max: limits.auditSamples }),
    }),
  ),
  reveal: hexBytes(64),
  statement: object<ShownStatement>({
    links: integer({ min: 1, max: limits.auditorLinks }),
    anchor: hexBytes(32),
    signature: hexBytes(64),
  }),
  held: array(object<HeldCommit>({ auditor: hexBytes(64), digest: hexBytes(32), signature: hexBytes(64) }), {
    min: 0,
    max: limits.auditors,
  }),
  waited: oneOf(['all', 'deadline', 'alone']),
});

const approvalReader: Reader<ApprovalRecord> = object<ApprovalRecord>({
  format: literal('proofmark approval v1'),
  auditor: hexBytes(64),
  approval: hexBytes(APPROVAL_BYTES),
  signature: hexBytes(64),
});

const pageReader = <T>(name: 'commits' | 'findings', reader: Reader<T>): Reader<readonly T[]> => {
  const page = object<{ readonly log: Uint8Array } & Record<string, readonly T[] | Uint8Array>>({
    log: hexBytes(32),
    [name]: array(reader, { min: 0, max: limits.findingsPerPage }),
  });
  return (value, path) => page(value, path)[name] as readonly T[];
};

const commitsPage = pageReader('commits', commitReader);
const findingsPage = pageReader('findings', findingReader);

export function encodeCommitRecord(record: CommitRecord): Uint8Array {
  return text(record);
}

export function decodeCommitRecord(encoded: Uint8Array): CommitRecord {
  return commitReader(parseJson(encoded, limits.findingBytes), 'commit');
}

export function encodeFindingRecord(record: FindingRecord): Uint8Array {
  return text(record);
}

export function decodeFindingRecord(encoded: Uint8Array): FindingRecord {
  return findingReader(parseJson(encoded, limits.findingBytes), 'finding');
}

export function encodeApprovalRecord(record: ApprovalRecord): Uint8Array {
  return text(record);
}

export function decodeApprovalRecord(encoded: Uint8Array): ApprovalRecord {
  return approvalReader(parseJson(encoded, limits.approvalBytes), 'approval');
}

export function encodeFindingsPage(log: Uint8Array, findings: readonly FindingRecord[]): Uint8Array {
  return text({ log, findings });
}

export function decodeFindingsPage(encoded: Uint8Array): readonly FindingRecord[] {
  return findingsPage(parseJson(encoded, limits.findingsPageBytes), 'page');
}

export function encodeCommitsPage(log: Uint8Array, commits: readonly CommitRecord[]): Uint8Array {
  return text({ log, commits });
}

export function decodeCommitsPage(encoded: Uint8Array): readonly CommitRecord[] {
  return commitsPage(parseJson(encoded, limits.findingsPageBytes), 'page');
}

/** What a file that somebody kept is: a finding, or a commit that was never followed by one. */
export function decodeFindingOrCommit(encoded: Uint8Array): FindingRecord | CommitRecord {
  const value = parseJson(encoded, limits.findingBytes);
  const isCommit = (value as { readonly format?: unknown } | null)?.format === 'proofmark finding commit v1';
  return isCommit ? commitReader(value, 'commit') : findingReader(value, 'finding');
}

/** The words of a finding with the key that they name. */
export function readFinding({ finding }: Pick<FindingRecord, 'finding'>): {
  readonly finding: Finding;
  readonly auditor: Uint8Array;
} {
  const words = decodeFinding(finding);
  return { finding: words, auditor: concatBytes(words.auditorX, words.auditorY) };
}

/** What the auditor signs when it shows a finding. */
export function revealOf({
  finding,
  blinding,
  commit,
  drawn,
  held,
}: Pick<FindingRecord, 'finding' | 'blinding' | 'commit' | 'drawn' | 'held'>): Uint8Array {
  const fields = {
    ...{ blinding, digest: commit.digest, link: drawn?.link ?? new Uint8Array(32) },
    ...{ number: BigInt(drawn?.number ?? 0), samples: BigInt(drawn?.samples ?? 0) },
  };
  return revealMessage(
    finding,
    fields,
    held.map(({ auditor, digest }) => ({ ...auditorWords(auditor), digest })),
  );
}

/** The 64 bytes of a key as two words. */
export function auditorWords(auditor: Uint8Array): { readonly auditorX: Uint8Array; readonly auditorY: Uint8Array } {
  if (auditor.length !== 64) throw new WireError('key_invalid', 'an auditor is x || y');
  return { auditorX: auditor.slice(0, 32), auditorY: auditor.slice(32) };
}

function text(record: object): Uint8Array {
  return utf8(JSON.stringify(record, hexValues));
}

function hexValues(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? toHex(value) : value;
}
