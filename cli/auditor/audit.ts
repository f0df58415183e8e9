import { randomBytes } from 'node:crypto';
import { type Asker, type ProvenWorker, proveWorker } from '../../client/receipts/prove-worker.ts';
import { ModelError } from '../../enclave/worker/model/errors.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { Archive } from '../../wire/message/archive.ts';
import {
  blindedFinding,
  classPreimage,
  encodeFinding,
  type Finding,
  type FindingVerdict,
  findingCommitMessage,
  findingVerdict,
} from '../../wire/message/finding.ts';
import {
  auditorWords,
  type DrawnFrom,
  type FindingRecord,
  readFinding,
  revealOf,
} from '../../wire/message/finding-record.ts';
import type { SignedRelease } from '../../wire/message/manifest.ts';
import type { TreeHead } from '../../wire/message/receipt.ts';
import { responsePreimage } from '../../wire/message/request.ts';
import { thisMachine } from '../replay/machine.ts';
import { computeAgain } from '../replay/replay.ts';
import { readStatement } from '../replay/statement.ts';
import { openHostRecords, type Shown } from './host-records.ts';
import { intermediatesOf } from './intermediates.ts';
import type { AuditorKey } from './key.ts';
import { type Peer, waitForCommits } from './peers.ts';
import type { ReleaseSource } from './release-source.ts';
import { drawIndexes, sampleSeed } from './sample.ts';
import type { FindingStore, RecordPlace } from './store.ts';

export interface AuditOptions {
  readonly asker: Asker;
  readonly key: AuditorKey;
  readonly hostName: string;
  /** Undefined: whichever worker the host shows. */
  readonly log: Uint8Array | undefined;
  /** How many leaves are drawn, or the ones that are named: a named one is looked at, and is no sample. */
  readonly look: { readonly samples: number } | { readonly indexes: readonly number[] };
  readonly releases: ReleaseSource;
  readonly store: FindingStore;
  readonly peers: readonly Peer[];
  readonly waitMs: number;
  readonly onSample: (sample: AuditedLeaf) => void;
  readonly compute?: Computing;
}

/** What a leaf came to. An undisclosed one is no finding: nobody but its requester has its content. */
export interface AuditedLeaf {
  readonly index: number;
  readonly verdict: FindingVerdict | 'undisclosed' | 'known';
  readonly detail: string;
}

export interface Audit {
  readonly head: TreeHead;
  readonly drawn: DrawnFrom | null;
  readonly seed: Uint8Array;
  readonly leaves: readonly AuditedLeaf[];
  /** In the order in which they were shown. */
  readonly findings: readonly FindingRecord[];
}

/** How a disclosed request is computed again: a test plants here what a lazy auditor does. */
export type Computing = (archive: Archive, release: ReleaseSource, leaf: Uint8Array) => Promise<Computed>;

export interface Computed {
  readonly verdict: Exclude<FindingVerdict, 'missing'>;
  readonly detail: string;
  readonly answer: Uint8Array;
  readonly intermediates: Uint8Array;
}

const ZERO = new Uint8Array(32);
const PAUSE_MS = 500;

/**
 * One audit of one log (DESIGN section 6): the head is taken first, and the link that decides the sample is used up
 * whatever comes of it, so that an auditor cannot draw again until it likes what it drew.
 */
export async function auditLog(options: AuditOptions): Promise<Audit> {
  const { asker, key, store, peers } = options;
  const worker = await proveWorker(asker, options.log);
  const records = await openHostRecords({ asker, key, worker, hostName: options.hostName });
  const { head } = records;
  const { indexes, drawn, seed } = await choose(options, head);
  const leaves: AuditedLeaf[] = [];
  /** Also what an audit that was ended had committed to. */
  const sealed = (await store.sealed(head.log)).map((record) => ({ place: placeOf(record), record }));
  for (const index of indexes) {
    const looking = { worker, head, seed, index, show: records.show, left: sealed };
    const { leaf: audited, found } = await lookAt(options, looking);
    leaves.push(audited);
    options.onSample(audited);
    if (found !== undefined) sealed.push(await commit(options, found, drawn));
  }
  // Others may begin later: what is waited for is counted from the last commit.
  const until = asker.now() + options.waitMs;
  const findings: FindingRecord[] = [];
  for (const { place, record } of sealed) {
    const { log, leaf } = place;
    const held = await waitForCommits(peers, { log, leaf, until, now: asker.now, pauseMs: PAUSE_MS });
    const waited = peers.length === 0 ? 'alone' : held.complete ? 'all' : 'deadline';
    const reveal = key.sign(revealOf({ ...record, held: held.commits }));
    const shown = { ...record, reveal, held: held.commits, waited } as const;
    await store.saveFinding(place, shown);
    await store.unseal(place);
    findings.push(shown);
  }
  return { head, drawn, seed, leaves, findings };
}

interface Chosen {
  readonly indexes: readonly number[];
  readonly drawn: DrawnFrom | null;
  readonly seed: Uint8Array;
}

async function choose({ look, key, store }: AuditOptions, { log, size, root }: TreeHead): Promise<Chosen> {
  if ('indexes' in look) {
    return { indexes: look.indexes.filter((index) => index < size), drawn: null, seed: ZERO };
  }
  const number = await store.nextAudit();
  const link = key.linkOf(number);
  const seed = sampleSeed({ log, size, root, link });
  const { samples } = look;
  return { indexes: drawIndexes(seed, size, samples), drawn: { number, link, samples }, seed };
}

interface Found {
  readonly place: RecordPlace;
  readonly words: Uint8Array;
}

interface Sealed {
  readonly place: RecordPlace;
  readonly record: FindingRecord;
}

function placeOf(record: FindingRecord): RecordPlace {
  const { finding } = readFinding(record);
  return { log: finding.log, index: Number(finding.index), leaf: finding.leaf };
}

interface Looking {
  readonly worker: ProvenWorker;
  readonly head: TreeHead;
  readonly seed: Uint8Array;
  readonly index: number;
  readonly show: (index: number) => Promise<Shown>;
  readonly left: readonly Sealed[];
}

async function lookAt(
  options: AuditOptions,
  looking: Looking,
): Promise<{ readonly leaf: AuditedLeaf; readonly found: Found | undefined }> {
  const { head, seed, index } = looking;
  const none = (verdict: 'undisclosed' | 'known', detail: string): { leaf: AuditedLeaf; found: undefined } => ({
    leaf: { index, verdict, detail },
    found: undefined,
  });
  const before = await options.store.finding({ log: head.log, index });
  // One finding of one auditor for one leaf: a second could only say the same, or something else.
  if (before !== undefined || looking.left.some(({ place }) => place.index === index))
    return none('known', 'it was found before');
  const shown = await looking.show(index);
  if (shown.kind === 'undisclosed') return none('undisclosed', 'its requester did not disclose it');
  if (shown.kind === 'not-brought') return none('undisclosed', 'sealed, and its requester has not brought it');
  const came = await computedOf(options, looking, shown);
  const leaf = shown.leaf ?? ZERO;
  const finding: Finding = {
    ...auditorWords(options.key.auditor),
    ...{ log: head.log, headSize: BigInt(head.size), headRoot: head.root, seed, index: BigInt(index), leaf },
    ...{ verdict: findingVerdict[came.verdict], answer: came.answer, class: sha256(classPreimage(thisMachine())) },
    intermediates: came.intermediates,
  };
  return {
    leaf: { index, verdict: came.verdict, detail: came.detail },
    found: { place: { log: head.log, index, leaf }, words: encodeFinding(finding) },
  };
}

async function computedOf(
  { releases, compute = computeDisclosed }: AuditOptions,
  { worker }: Looking,
  shown: Exclude<Shown, { readonly kind: 'undisclosed' | 'not-brought' }>,
): Promise<Omit<Computed, 'verdict'> & { readonly verdict: FindingVerdict }> {
  const nothing = { answer: ZERO, intermediates: ZERO };
  if (shown.kind === 'missing') return { verdict: 'missing', detail: shown.reason, ...nothing };
  const release = await releases.find(shown.receipt.modelId);
  if (release === undefined) return { verdict: 'unreplayable', detail: 'release_unavailable', ...nothing };
  const archive = archiveOf(shown, { worker, release: release.signed });
  const contradicting = contradictionOf(archive, shown);
  if (contradicting !== undefined) return { verdict: 'missing', detail: contradicting, ...nothing };
  return compute(archive, releases, shown.leaf);
}

type Disclosing = Extract<Shown, { readonly kind: 'disclosed' }>;

function archiveOf(
  { bundle, disclosed }: Disclosing,
  { worker, release }: { readonly worker: ProvenWorker; readonly release: SignedRelease },
): Archive {
  const { header, body, format, jsonLength, answer } = disclosed;
  return {
    format: 'proofmark archive v1',
    ...bundle,
    evidence: worker.evidence,
    challenge: { value: worker.challenge, preimage: null },
    release,
    request: { header, body, bodyHash: sha256(body) },
    response: { format, jsonLength, body: answer, bodyHash: sha256(answer) },
    anchors: [],
  };
}

/** Bytes that are not those that the receipt is about are missing bytes: the host keeps others. */
function contradictionOf(archive: Archive, { receipt, disclosed }: Disclosing): string | undefined {
  const reading = readStatement(archive);
  if ('problem' in reading && reading.problem === 'contradicts-itself') return reading.detail;
  const bound = responsePreimage({
    ...{ salt: disclosed.header.slice(192, 224), status: receipt.status, format: BigInt(disclosed.format) },
    ...{ jsonLength: BigInt(disclosed.jsonLength), bodyHash: sha256(disclosed.answer) },
  });
  return equalBytes(sha256(bound), receipt.responseHash) ? undefined : 'the answer is not the one of the receipt';
}

async function computeDisclosed(archive: Archive, releases: ReleaseSource, leaf: Uint8Array): Promise<Computed> {
  const nothing = { answer: ZERO, intermediates: ZERO };
  const reading = readStatement(archive);
  if (!('statement' in reading)) return { verdict: 'unreplayable', detail: reading.detail, ...nothing };
  const { statement } = reading;
  const release = await releases.find(statement.modelId);
  if (release === undefined) return { verdict: 'unreplayable', detail: 'release_unavailable', ...nothing };
  const { report, answer, inputs } = await computeAgain(statement, { release, tolerance: 'exact' });
  if (answer === null) {
    return { verdict: 'unreplayable', detail: report.verdict === 'not-replayable' ? report.code : '', ...nothing };
  }
  const computed = {
    answer: sha256(answer),
    intermediates: await shownSteps(() => intermediatesOf(statement, { release, leaf, inputs })),
  };
  switch (report.verdict) {
    case 'replayed':
    case 'replayed-elsewhere':
      return { verdict: 'same', detail: '', ...computed };
    case 'differs':
      return { verdict: 'other', detail: report.where, ...computed };
    case 'near':
    case 'differs-elsewhere':
      return { verdict: 'unreplayable', detail: 'other_class', ...computed };
    case 'not-replayable':
      return { verdict: 'unreplayable', detail: report.code, ...computed };
  }
}

/** A graph that does not run with its steps shown, as for want of memory, has none to show: that is no lie of anybody. */
async function shownSteps(make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof ModelError) return ZERO;
    throw error;
  }
}

async function commit({ key, store }: AuditOptions, { place, words }: Found, drawn: DrawnFrom | null): Promise<Sealed> {
  const blinding = Uint8Array.from(randomBytes(32));
  const digest = sha256(blindedFinding(words, blinding));
  const { leaf } = place;
  const signature = key.sign(findingCommitMessage({ ...auditorWords(key.auditor), leaf, digest }));
  const parts = { finding: words, blinding, commit: { digest, signature }, drawn, held: [] };
  const record: FindingRecord = {
    format: 'proofmark finding v1',
    ...parts,
    ...{ signature: key.sign(words), reveal: key.sign(revealOf(parts)), statement: key.statement },
    waited: 'alone',
  };
  await store.seal(place, record);
  await store.saveCommit(place, {
    format: 'proofmark finding commit v1',
    ...{ auditor: key.auditor, leaf, digest, signature },
  });
  return { place, record };
}
