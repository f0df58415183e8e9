import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import {
  auditorMessage,
  blindedFinding,
  type Finding,
  type FindingVerdict,
  findingVerdictName,
} from '../../wire/message/finding.ts';
import {
  auditorWords,
  type CommitRecord,
  type DrawnFrom,
  type FindingRecord,
  readFinding,
  revealOf,
} from '../../wire/message/finding-record.ts';
import { isCommitSigned, isSignedBy } from './peers.ts';
import { drawIndexes, sampleSeed } from './sample.ts';

/** What an auditor is caught with: each is shown by what it signed itself. */
export type ExposureCode =
  /** What it showed is not what it had committed to. */
  | 'commit_mismatch'
  /** Two commits to one leaf: it could show whichever it liked. */
  | 'two_commits'
  | 'two_findings'
  /** The link is not one of its hash chain. */
  | 'link_mismatch'
  /** One link for two heads: it drew again. */
  | 'link_reused'
  | 'two_anchors'
  | 'seed_mismatch'
  /** The leaf is not among those that its seed draws. */
  | 'not_drawn'
  /** Others of its class, and more of them, came to another verdict. */
  | 'verdict_differs'
  /** It signed the answer, and what it says lies between is not what a quorum of its class computed. */
  | 'intermediates_differ'
  | 'intermediates_missing';

export interface Exposure {
  readonly auditor: string;
  readonly code: ExposureCode;
  /** Null where it is about no leaf. */
  readonly leaf: string | null;
}

/** Why a document says nothing about anybody: whoever made it, it need not be the one who is named in it. */
export type RefusalCode =
  | 'finding_invalid'
  | 'finding_signature'
  | 'reveal_signature'
  | 'commit_signature'
  | 'statement_signature';

export interface ComparedFinding {
  readonly auditor: string;
  readonly verdict: FindingVerdict;
  readonly class: string;
  readonly intermediates: string;
  /** Whether another auditor's finding shows that its commit was there by then. */
  readonly heldByOthers: boolean;
}

export interface ComparedLeaf {
  readonly log: string;
  readonly leaf: string;
  readonly index: number;
  readonly findings: readonly ComparedFinding[];
  /**
   * `agreed`: of one class, two or more, and all the same. `single`: nobody else of its class looked. `disputed`: of one
   * class, and not the same.
   */
  readonly standing: 'agreed' | 'single' | 'disputed';
  /** Of the worker, where more of one class say so than not. */
  readonly wrong: boolean;
}

export interface Comparison {
  readonly leaves: readonly ComparedLeaf[];
  readonly exposed: readonly Exposure[];
  /** By the place of the document among those that were given. */
  readonly refused: readonly { readonly document: number; readonly code: RefusalCode }[];
  /** Commits of which no finding is among the documents. */
  readonly unshown: readonly { readonly auditor: string; readonly leaf: string }[];
}

interface Read {
  readonly record: FindingRecord;
  readonly finding: Finding;
  readonly auditor: string;
  readonly key: Uint8Array;
  readonly leaf: string;
}

type Document = FindingRecord | CommitRecord;

/**
 * Who agrees with whom, and who is caught, from documents alone: nothing is fetched and nothing computed. A quorum is more
 * than half of those of one class who looked at one leaf, and at least two.
 */
export async function compareFindings(documents: readonly Document[]): Promise<Comparison> {
  const refused: { document: number; code: RefusalCode }[] = [];
  const reads: Read[] = [];
  const commits: Omit<CommitRecord, 'format'>[] = [];
  for (const [place, document] of documents.entries()) {
    if (document.format === 'proofmark finding commit v1') {
      if (await isCommitSigned(document)) commits.push(document);
      else refused.push({ document: place, code: 'commit_signature' });
      continue;
    }
    const read = await readSigned(document);
    if (typeof read === 'string') refused.push({ document: place, code: read });
    else reads.push(read);
  }
  for (const { record, finding, key } of reads) {
    commits.push({ auditor: key, leaf: finding.leaf, ...record.commit });
    // That they were held is its auditor's word; that they were made, their own signatures say.
    for (const held of record.held) {
      const commit = { ...held, leaf: finding.leaf };
      if (await isCommitSigned(commit)) commits.push(commit);
    }
  }
  const exposed = [...reads.flatMap(ownFaults), ...twiceFaults(reads, commits)];
  const leaves = leavesOf(reads);
  for (const group of leaves) exposed.push(...groupFaults(group));
  const shown = new Set(reads.map(({ auditor, leaf }) => `${auditor} ${leaf}`));
  const unshown = commits
    .map(({ auditor, leaf }) => ({ auditor: toHex(auditor), leaf: toHex(leaf) }))
    .filter(({ auditor, leaf }) => !shown.has(`${auditor} ${leaf}`));
  return {
    leaves: leaves.map(describeLeaf),
    exposed: distinct(exposed, ({ auditor, code, leaf }) => `${auditor} ${code} ${leaf}`),
    refused,
    unshown: distinct(unshown, ({ auditor, leaf }) => `${auditor} ${leaf}`),
  };
}

async function readSigned(record: FindingRecord): Promise<Read | RefusalCode> {
  let words: ReturnType<typeof readFinding>;
  try {
    words = readFinding(record);
  } catch (error) {
    if (error instanceof WireError) return 'finding_invalid';
    throw error;
  }
  const { finding, auditor: key } = words;
  const { links, anchor, signature } = record.statement;
  const statement = auditorMessage({ ...auditorWords(key), links: BigInt(links), anchor });
  if (!(await isSignedBy(key, record.finding, record.signature))) return 'finding_signature';
  if (!(await isSignedBy(key, revealOf(record), record.reveal))) return 'reveal_signature';
  if (!(await isSignedBy(key, statement, signature))) return 'statement_signature';
  if (!(await isCommitSigned({ auditor: key, leaf: finding.leaf, ...record.commit }))) return 'commit_signature';
  return { record, finding, key, auditor: toHex(key), leaf: toHex(finding.leaf) };
}

function ownFaults({ record, finding, auditor, leaf }: Read): readonly Exposure[] {
  const codes: ExposureCode[] = [];
  if (!equalBytes(sha256(blindedFinding(record.finding, record.blinding)), record.commit.digest)) {
    codes.push('commit_mismatch');
  }
  if (record.drawn !== null) codes.push(...drawFaults(record, finding, record.drawn));
  else if (!isZero(finding.seed)) codes.push('seed_mismatch');
  return codes.map((code) => ({ auditor, code, leaf }));
}

function drawFaults(
  { statement }: FindingRecord,
  { log, headSize, headRoot, seed, index }: Finding,
  { number, link, samples }: DrawnFrom,
): readonly ExposureCode[] {
  const size = Number(headSize);
  if (number > statement.links || !equalBytes(after(link, number), statement.anchor)) return ['link_mismatch'];
  if (!equalBytes(sampleSeed({ log, size, root: headRoot, link }), seed)) return ['seed_mismatch'];
  return drawIndexes(seed, size, samples).includes(Number(index)) ? [] : ['not_drawn'];
}

function after(value: Uint8Array, hashes: number): Uint8Array {
  let last = value;
  for (let made = 0; made < hashes; made++) last = sha256(last);
  return last;
}

/** One auditor that says two things where there is one to say. */
function twiceFaults(reads: readonly Read[], commits: readonly Omit<CommitRecord, 'format'>[]): readonly Exposure[] {
  const says = createSayings();
  for (const { record, finding, auditor, leaf } of reads) {
    says.once(auditor, 'two_anchors', { of: '', said: toHex(record.statement.anchor), leaf: null });
    // Without a leaf the place says which: a host may have shown nothing of several.
    const place = `${toHex(finding.log)} ${finding.index}`;
    says.once(auditor, 'two_findings', { of: place, said: toHex(record.finding), leaf });
    if (record.drawn === null) continue;
    const head = `${toHex(finding.log)} ${finding.headSize} ${toHex(finding.headRoot)}`;
    says.once(auditor, 'link_reused', { of: String(record.drawn.number), said: head, leaf: null });
  }
  for (const { auditor, leaf, digest } of commits) {
    if (isZero(leaf)) continue;
    says.once(toHex(auditor), 'two_commits', { of: toHex(leaf), said: toHex(digest), leaf: toHex(leaf) });
  }
  return says.twice;
}

interface Saying {
  readonly of: string;
  readonly said: string;
  readonly leaf: string | null;
}

function createSayings(): {
  once(auditor: string, code: ExposureCode, saying: Saying): void;
  readonly twice: readonly Exposure[];
} {
  const known = new Map<string, string>();
  const twice: Exposure[] = [];
  return {
    twice,
    once(auditor, code, { of, said, leaf }) {
      const name = `${auditor} ${code} ${of}`;
      const before = known.get(name) ?? said;
      known.set(name, before);
      if (before !== said) twice.push({ auditor, code, leaf });
    },
  };
}

/** Findings about one leaf. Where no leaf was shown, there is nothing to agree about. */
function leavesOf(reads: readonly Read[]): readonly (readonly Read[])[] {
  const groups = new Map<string, Read[]>();
  for (const read of reads) {
    const name = `${toHex(read.finding.log)} ${read.finding.index} ${read.leaf}`;
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    if (!group.some(({ auditor }) => auditor === read.auditor)) group.push(read);
  }
  return [...groups.values()];
}

/** Those of one class that computed something: what was not computed is compared with nothing. */
function classesOf(group: readonly Read[]): readonly (readonly Read[])[] {
  const classes = new Map<string, Read[]>();
  for (const read of group) {
    const verdict = findingVerdictName(read.finding.verdict);
    if (verdict !== 'same' && verdict !== 'other') continue;
    const name = toHex(read.finding.class);
    classes.set(name, [...(classes.get(name) ?? []), read]);
  }
  return [...classes.values()];
}

function groupFaults(group: readonly Read[]): readonly Exposure[] {
  return classesOf(group).flatMap((alike) => {
    const said = ({ finding }: Read): string => `${finding.verdict} ${toHex(finding.answer)}`;
    const steps = ({ finding }: Read): string => toHex(finding.intermediates);
    const answer = quorum(alike.map(said));
    // A quorum that shows no steps is none that anybody has to follow.
    const shown = quorum(alike.map(steps));
    return alike.flatMap((read): readonly Exposure[] => {
      const { auditor, leaf, finding } = read;
      const faults: ExposureCode[] = [];
      if (answer !== undefined && said(read) !== answer) faults.push('verdict_differs');
      if (shown !== undefined && shown !== NO_STEPS && steps(read) !== shown) {
        faults.push(isZero(finding.intermediates) ? 'intermediates_missing' : 'intermediates_differ');
      }
      return faults.map((code) => ({ auditor, code, leaf }));
    });
  });
}

const NO_STEPS = '0'.repeat(64);

/** What more than half say, and at least two. */
function quorum(sayings: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const saying of sayings) counts.set(saying, (counts.get(saying) ?? 0) + 1);
  return [...counts].find(([, count]) => count >= 2 && 2 * count > sayings.length)?.[0];
}

function describeLeaf(group: readonly Read[]): ComparedLeaf {
  const [{ finding: first, leaf }] = group as [Read];
  const classes = classesOf(group);
  const disputed = classes.some((alike) => new Set(alike.map(whole)).size > 1);
  const agreed = classes.some(({ length }) => length > 1);
  const wrong = classes.some((alike) => {
    const others = alike.filter(({ finding }) => findingVerdictName(finding.verdict) === 'other').length;
    return 2 * others > alike.length;
  });
  return {
    ...{ log: toHex(first.log), leaf, index: Number(first.index) },
    findings: group.map(({ auditor, finding, record }) => ({
      auditor,
      verdict: findingVerdictName(finding.verdict),
      class: toHex(finding.class),
      intermediates: toHex(finding.intermediates),
      heldByOthers: group.some(({ record: other }) =>
        other.held.some((held) => toHex(held.auditor) === auditor && equalBytes(held.digest, record.commit.digest)),
      ),
    })),
    standing: disputed ? 'disputed' : agreed ? 'agreed' : 'single',
    wrong,
  };
}

function whole({ finding }: Read): string {
  return `${finding.verdict} ${toHex(finding.answer)} ${toHex(finding.intermediates)}`;
}

function distinct<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  return [...new Map(items.map((item) => [nameOf(item), item])).values()];
}
