import { concatBytes, isZero } from '../bytes.ts';
import { type CborValue, encodeCbor } from '../codec/cbor.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytes32Word, decodeWords, encodeWords, tagWord, uintWord, type WordRecord } from '../words.ts';
import type { Execution } from './execution.ts';

/**
 * What an auditor signs (DESIGN section 6, `replayed`). An auditor is a P-256 key. It computes receipts of a worker's log
 * again, commits to each finding before others show theirs, and then shows it.
 */
const FINDING_TAG = 'proofmark finding v1';

const findingLayout = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'auditorX', kind: 'bytes32' },
  { name: 'auditorY', kind: 'bytes32' },
  { name: 'log', kind: 'bytes32' },
  { name: 'headSize', kind: 'uint', bits: 48 },
  { name: 'headRoot', kind: 'bytes32' },
  /** What the sample was drawn from; zero where nobody drew, and the auditor was asked to look at this one. */
  { name: 'seed', kind: 'bytes32' },
  { name: 'index', kind: 'uint', bits: 48 },
  /** Zero where the host showed nothing at this index, not even a tile. */
  { name: 'leaf', kind: 'bytes32' },
  { name: 'verdict', kind: 'uint', bits: 8 },
  /** SHA-256 of the body that the auditor computed; zero where it computed none. */
  { name: 'answer', kind: 'bytes32' },
  { name: 'class', kind: 'bytes32' },
  /** What only somebody has who computed it: comparable within one class. */
  { name: 'intermediates', kind: 'bytes32' },
] as const;

export type Finding = Omit<WordRecord<typeof findingLayout>, 'tag'>;

export const FINDING_BYTES: number = 13 * 32;

/** The same bits; other bits on the same class; bytes that the host must have and does not show; not computable here. */
export const findingVerdict = { same: 1n, other: 2n, missing: 3n, unreplayable: 4n } as const;

export type FindingVerdict = keyof typeof findingVerdict;

export function findingVerdictName(value: bigint): FindingVerdict {
  const found = Object.entries(findingVerdict).find(([, number]) => number === value);
  if (found !== undefined) return found[0] as FindingVerdict;
  throw new WireError('field_invalid', 'unknown verdict', { field: 'verdict' });
}

/** The thirteen words that an auditor signs. */
export function encodeFinding(finding: Finding): Uint8Array {
  assertMeaning(finding);
  return encodeWords(findingLayout, { ...finding, tag: tagWord(FINDING_TAG) });
}

export function decodeFinding(bytes: Uint8Array): Finding {
  const { tag, ...finding } = decodeWords(findingLayout, bytes);
  checkTag(tag, FINDING_TAG);
  assertMeaning(finding);
  return finding;
}

function assertMeaning({ verdict, answer, intermediates, index, headSize }: Finding): void {
  const name = findingVerdictName(verdict);
  const computed = !isZero(answer);
  if ((name === 'same' || name === 'other') && !computed) {
    throw new WireError('field_invalid', 'bits are compared with an answer', { field: 'answer' });
  }
  if (name === 'missing' && (computed || !isZero(intermediates))) {
    throw new WireError('field_invalid', 'nothing is computed from bytes that are missing', { field: 'answer' });
  }
  if (index >= headSize) throw new WireError('field_invalid', 'the head has no such leaf', { field: 'index' });
}

/** Preimage of the digest that a commit shows: the words of a finding, and 32 random bytes so that nobody can guess it. */
export function blindedFinding(findingBytes: Uint8Array, blinding: Uint8Array): Uint8Array {
  if (findingBytes.length !== FINDING_BYTES) throw new WireError('word_invalid', 'not a finding');
  return concatBytes(findingBytes, bytes32Word(blinding));
}

const COMMIT_TAG = 'proofmark finding commit v1';

const commitLayout = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'auditorX', kind: 'bytes32' },
  { name: 'auditorY', kind: 'bytes32' },
  { name: 'leaf', kind: 'bytes32' },
  { name: 'digest', kind: 'bytes32' },
] as const;

export type FindingCommit = Omit<WordRecord<typeof commitLayout>, 'tag'>;

/** Signed before anything is shown: "I have a finding about this leaf, and it is this one." */
export function findingCommitMessage(commit: FindingCommit): Uint8Array {
  return encodeWords(commitLayout, { ...commit, tag: tagWord(COMMIT_TAG) });
}

const REVEAL_TAG = 'proofmark reveal v1';

const revealLayout = [
  { name: 'blinding', kind: 'bytes32' },
  { name: 'digest', kind: 'bytes32' },
  { name: 'number', kind: 'uint', bits: 32 },
  { name: 'link', kind: 'bytes32' },
  { name: 'samples', kind: 'uint', bits: 32 },
] as const;

export type RevealFields = WordRecord<typeof revealLayout>;

/**
 * Signed when a finding is shown: everything that makes it the one that was committed to and drawn, so that nobody else
 * can pair an auditor's finding with a commit or a link that does not fit. Number, link and samples are zero where nothing
 * was drawn. At the end, in three words each, the commits of others that its auditor held by then.
 */
export function revealMessage(
  findingBytes: Uint8Array,
  fields: RevealFields,
  held: readonly Omit<FindingCommit, 'leaf'>[],
): Uint8Array {
  if (findingBytes.length !== FINDING_BYTES) throw new WireError('word_invalid', 'not a finding');
  const words = held.flatMap(({ auditorX, auditorY, digest }) => [auditorX, auditorY, digest].map(bytes32Word));
  return concatBytes(tagWord(REVEAL_TAG), findingBytes, encodeWords(revealLayout, fields), ...words);
}

const auditorLayout = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'auditorX', kind: 'bytes32' },
  { name: 'auditorY', kind: 'bytes32' },
  { name: 'links', kind: 'uint', bits: 32 },
  { name: 'anchor', kind: 'bytes32' },
] as const;

const AUDITOR_TAG = 'proofmark auditor v1';

export type AuditorStatement = Omit<WordRecord<typeof auditorLayout>, 'tag'>;

/**
 * Signed once, before the first audit: the end of a hash chain. Audit number k shows the k-th value before it, so that the
 * auditor could not choose it once it saw the head, and nobody else could know it.
 */
export function auditorMessage(statement: AuditorStatement): Uint8Array {
  return encodeWords(auditorLayout, { ...statement, tag: tagWord(AUDITOR_TAG) });
}

export interface SampleFields {
  readonly log: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly link: Uint8Array;
}

/** Preimage of the seed of one audit. */
export function samplePreimage({ log, size, root, link }: SampleFields): Uint8Array {
  return concatBytes(
    tagWord('proofmark sample v1'),
    bytes32Word(log),
    uintWord(BigInt(size), 48),
    bytes32Word(root),
    bytes32Word(link),
  );
}

/** Preimage of the n-th draw of a sample; its hash, as a number, modulo the size of the tree is an index. */
export function drawPreimage(seed: Uint8Array, draw: number): Uint8Array {
  return concatBytes(bytes32Word(seed), uintWord(BigInt(draw), 32));
}

/** Preimage of what a language model goes on from, so that its auditor shows more than the answer that everybody has. */
export function probePreimage(leaf: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark probe v1'), bytes32Word(leaf));
}

/** Of an execution record what an auditor's own machine has, too: within it bits repeat. */
export type ComputingClass = Omit<Execution, 'layout' | 'schedule' | 'generation'>;

/** Preimage of `class`. */
export function classPreimage(value: ComputingClass): Uint8Array {
  const { engine, version, provider, optimisation, threads, cpuFamily, cpuIsa } = value;
  const fields = { engine, version, provider, optimisation, threads, cpuFamily, cpuIsa };
  return concatBytes(
    tagWord('proofmark class v1'),
    encodeCbor(new Map<string, CborValue>(Object.entries(fields) as [string, CborValue][])),
  );
}

const askLayout = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'auditorX', kind: 'bytes32' },
  { name: 'auditorY', kind: 'bytes32' },
  /** SHA-256 of the host's name and port as they stand in `Host`. */
  { name: 'host', kind: 'bytes32' },
  { name: 'log', kind: 'bytes32' },
  { name: 'index', kind: 'uint', bits: 48 },
  { name: 'time', kind: 'uint', bits: 64 },
  { name: 'nonce', kind: 'bytes32' },
] as const;

const ASK_TAG = 'proofmark auditor ask v1';

export type AuditorAsk = Omit<WordRecord<typeof askLayout>, 'tag'>;

export const AUDITOR_ASK_BYTES: number = 8 * 32;

/** Signed by an auditor that asks a host for what is behind one leaf. Repeated by somebody else it is a read like the first. */
export function auditorAskMessage(ask: AuditorAsk): Uint8Array {
  return encodeWords(askLayout, { ...ask, tag: tagWord(ASK_TAG) });
}

export function decodeAuditorAsk(bytes: Uint8Array): AuditorAsk {
  const { tag, ...ask } = decodeWords(askLayout, bytes);
  checkTag(tag, ASK_TAG);
  if (ask.index > BigInt(limits.treeSize))
    throw new WireError('integer_out_of_range', 'not an index', { field: 'index' });
  return ask;
}

function checkTag(tag: Uint8Array, expected: string): void {
  const word = tagWord(expected);
  if (tag.some((byte, place) => byte !== word[place])) {
    throw new WireError('tag_mismatch', `expected "${expected}"`, { field: 'tag' });
  }
}
