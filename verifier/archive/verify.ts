import { equalBytes } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { type Archive, decodeArchive } from '../../wire/message/archive.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import type { ChainCache } from '../cache/chain-cache.ts';
import { copyOf } from '../copy.ts';
import { VerifierError } from '../errors.ts';
import { parseUnverifiedNitroDocument } from '../nitro/verify.ts';
import { isParsedWorkerPolicy, type WorkerPolicy } from '../policy/worker-policy.ts';
import { type CommitmentSubject, checkCommitment, commitmentChecks } from '../receipt/commitment.ts';
import type { ReceiptFacts } from '../receipt/facts.ts';
import { receiptChecks, verifyReceipt, verifyReceiptOrigin } from '../receipt/verify.ts';
import { type ReleaseFacts, releaseChecks, verifyRelease } from '../release/verify.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { type CheckName, notReached } from '../rules.ts';
import { earliestSnpTime } from '../snp/verify.ts';
import type { WorkerFacts } from '../worker/facts.ts';
import { asSnpEvidence, verifyWorker, workerChecks } from '../worker/verify.ts';
import { checkDates, type Dates } from './dates.ts';
import { orderChecks, orderOfTimes } from './order.ts';

/**
 * DESIGN section 4: `live` asks whether everything is valid now; `archive` asks whether it was when the answer was given,
 * which takes a third party that dated the head.
 */
export type Purpose = { readonly kind: 'live'; readonly now: number } | { readonly kind: 'archive' };

export interface ArchiveOptions {
  readonly policy: WorkerPolicy;
  readonly purpose: Purpose;
  readonly suite: Suite;
  readonly cache: ChainCache | 'none';
}

interface CommonArchiveFacts {
  readonly worker: Verified<WorkerFacts>;
  readonly receipt: Verified<ReceiptFacts>;
  readonly release: Verified<ReleaseFacts>;
}

export interface LiveArchiveFacts extends CommonArchiveFacts {
  readonly purpose: 'live';
}

/** What was true then, as far as the cosigner's clock goes: nothing is said about now. */
export interface DatedArchiveFacts extends CommonArchiveFacts {
  readonly purpose: 'archive';
  /** When a third party saw head and document: the answer was given before the end of that second. */
  readonly anchoredAt: number;
  /** x || y. */
  readonly cosigner: Uint8Array;
  /** By the hardware's clock, or where that has none the earliest that it can be: the challenge's. */
  readonly documentTime: number;
}

export type ArchiveFacts = LiveArchiveFacts | DatedArchiveFacts;

/**
 * No check failed, but nobody says when the head existed, or what it is about was deleted: neither accepted nor refused
 * (DESIGN section 4).
 */
export interface Undetermined {
  readonly verdict: 'undetermined';
  readonly code: 'not_anchored' | 'anchor_not_checked' | 'challenge_undated' | 'payload_missing';
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

/** `judgedAt`: the time at which everything had to be valid. */
export type ArchiveVerdict = (Verdict<Verified<ArchiveFacts>> | Undetermined) & { readonly judgedAt: number };

/** Reads a `.proofmark` file; the result is parsed, not proven. */
export function parseUnverifiedArchive(bytes: Uint8Array): Archive {
  try {
    return decodeArchive(bytes);
  } catch (error) {
    if (error instanceof WireError) throw new VerifierError('archive_invalid', error.detail, error.place);
    throw error;
  }
}

/** Judges a `.proofmark` file by itself: worker, receipt, release and dates, for one purpose, by one policy. Offline. */
export async function verifyArchive(given: Archive, options: ArchiveOptions): Promise<ArchiveVerdict> {
  const { policy, purpose, suite } = options;
  if (!isParsedWorkerPolicy(policy)) {
    throw new VerifierError('policy_unparsed', 'use parseWorkerPolicy: it refuses a policy with a rule left out');
  }
  if (purpose.kind !== 'live' && purpose.kind !== 'archive') {
    throw new VerifierError('argument_invalid', '"live" or "archive" expected', { field: 'purpose' });
  }
  const archive = snapshot(given);
  const dating = await checkDates(archive, { policy, purpose: purpose.kind, suite });
  if ('verdict' in dating) {
    const { checks: early, ...refusal } = dating;
    const checks = [...early, ...notReached([...workerChecks(policy), digests, ...afterDigests])];
    return { ...refusal, checks, notProven: [], judgedAt: judgedAt(archive, purpose, noDates) };
  }
  const at = judgedAt(archive, purpose, dating.dates);
  const { checks, ...ruling } = await judgeContents(archive, options, { at, dates: dating.dates });
  return { ...ruling, checks: [...dating.checks, ...checks], judgedAt: at };
}

const noDates: Dates = { head: null, challenge: null };

interface Times {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly dates: Dates;
}

async function judgeContents(
  archive: Archive,
  { policy, purpose, suite, cache }: ArchiveOptions,
  { at, dates }: Times,
): Promise<Verdict<Verified<ArchiveFacts>> | Undetermined> {
  const worker = await verifyWorker(archive.evidence, {
    policy,
    now: at,
    challenge: archive.challenge.value,
    // An archive is judged at the time of its document, whose age is then none; D5 asks how long the key was in use.
    challengedAt: purpose.kind === 'archive' ? at : (dates.challenge?.time ?? 'unknown'),
    suite,
    cache,
  });
  if (worker.verdict !== 'accepted') {
    return { ...worker, checks: [...worker.checks, ...notReached([digests, ...afterDigests])] };
  }
  const contents = await digestsHold(archive, suite);
  const upToDigests = [...worker.checks, contents];
  if (contents.outcome === 'failed') {
    const checks = [...upToDigests, ...notReached(afterDigests)];
    return { verdict: 'untrusted', code: 'payload_mismatch', checks, notProven: worker.notProven };
  }
  const receipt = await receiptVerdict(archive, { worker: worker.proven, now: at, suite });
  const upToReceipt = [...upToDigests, ...receipt.checks];
  const aboutReceipt = [...worker.notProven, ...receipt.notProven];
  if (receipt.verdict !== 'accepted' && receipt.verdict !== 'origin-only') {
    const checks = [...upToReceipt, ...notReached(afterReceipt)];
    return { ...receipt, checks, notProven: aboutReceipt };
  }
  const { modelId } = receipt.verdict === 'accepted' ? receipt.proven : receipt;
  const release = await verifyRelease(archive.release, { modelId, publishers: policy.publishers, suite });
  const upToRelease = [...upToReceipt, ...release.checks];
  const notProven = [...aboutReceipt, ...release.notProven];
  if (release.verdict !== 'accepted') {
    const checks = [...upToRelease, ...notReached([...commitmentChecks, ...orderChecks])];
    return { ...release, checks, notProven };
  }
  const committed = await checkCommitment({
    receipt: decodeReceipt(archive.receipt),
    manifest: release.proven.manifest,
    exchange: exchangeOf(archive),
    suite,
  });
  const upToCommitment = [...upToRelease, ...committed.checks];
  if (committed.code !== null) {
    const checks = [...upToCommitment, ...notReached(orderChecks)];
    return { verdict: 'untrusted', code: committed.code, checks, notProven };
  }
  const order = orderOfTimes({ worker: worker.proven, purpose, dates });
  const checks = [...upToCommitment, ...order.checks];
  if (order.code !== null) return { verdict: 'refused', code: order.code, checks, notProven };

  if (receipt.verdict === 'origin-only') {
    const reason = 'Request or answer were deleted from this file, so its receipt can be held against nothing.';
    return undetermined('payload_missing', checks, [...notProven, { id: 'payload', reason }]);
  }
  const facts = { worker: worker.proven, receipt: receipt.proven, release: release.proven };
  if (purpose.kind === 'live') {
    return { verdict: 'accepted', proven: verified<ArchiveFacts>({ ...facts, purpose: 'live' }), checks, notProven };
  }
  if (order.times === null) {
    const code = undatedBecause(archive, dates);
    return undetermined(code, checks, [...notProven, { id: 'anchor', reason: reasons[code] }]);
  }
  const { anchor, documentTime } = order.times;
  const proven = verified<ArchiveFacts>({
    ...facts,
    purpose: 'archive',
    anchoredAt: anchor.time,
    cosigner: anchor.cosigner,
    documentTime,
  });
  return { verdict: 'accepted', proven, checks, notProven: [...notProven, ofThePast] };
}

const ofThePast: NotProven = {
  id: 'anchor',
  reason: 'The date is the word of a cosigner that the policy names; what became known after it was not asked.',
};

const reasons = {
  not_anchored: 'Nobody dated the head: it may have been made after the worker’s key expired.',
  anchor_not_checked:
    'The time anchors in this file are of kinds that are not checked, or by nobody that the policy names.',
  challenge_undated:
    'The report carries no time, and nobody that the policy names dated the challenge that it answers.',
} as const;

function undatedBecause({ anchors }: Archive, dates: Dates): keyof typeof reasons {
  if (dates.head !== null) return 'challenge_undated';
  return anchors.length > 0 ? 'anchor_not_checked' : 'not_anchored';
}

function undetermined(
  code: Undetermined['code'],
  checks: readonly Check[],
  notProven: readonly NotProven[],
): Undetermined {
  return { verdict: 'undetermined', code, checks, notProven };
}

/** Buffers that change between two looks at them change nothing. Payloads are hashed once, and later known by that. */
function snapshot(archive: Archive): Archive {
  const { evidence, challenge, receipt, head, anchors } = archive;
  const copies = (list: readonly Uint8Array[], field: string): readonly Uint8Array[] =>
    list.map((bytes) => copyOf(bytes, field));
  return {
    ...archive,
    receipt: copyOf(receipt, 'receipt'),
    head: copyOf(head, 'head'),
    evidence: {
      ...evidence,
      document: copyOf(evidence.document, 'document'),
      certificates: copies(evidence.certificates, 'certificates'),
      revocationLists: copies(evidence.revocationLists, 'revocationLists'),
    },
    challenge: {
      value: copyOf(challenge.value, 'challenge'),
      preimage: challenge.preimage === null ? null : copyOf(challenge.preimage, 'challenge'),
    },
    anchors: anchors.map(({ kind, evidence: bytes }) => ({ kind, evidence: copyOf(bytes, 'anchors') })),
  };
}

function judgedAt({ evidence }: Archive, purpose: Purpose, dates: Dates): number {
  if (purpose.kind === 'live') return purpose.now;
  // A report was made between its challenge and the time at which it was seen. At the end of that it is asked whether
  // anything is known to be revoked.
  if (evidence.tee === 'amd-sev-snp') {
    return dates.head?.time ?? dates.challenge?.time ?? earliestSnpTime(asSnpEvidence(evidence));
  }
  return documentTime(evidence.document);
}

/** The end of JavaScript's calendar: a document that claims to be of later is judged then, and refused. */
const LAST_MOMENT = 8_640_000_000_000_000;

/** For the archive purpose only: the chain is judged at the document's own time, which an anchor must then bound. */
function documentTime(document: Uint8Array): number {
  try {
    return Math.min(parseUnverifiedNitroDocument(document).unverified.timestamp, LAST_MOMENT);
  } catch (error) {
    // Verification will name what is wrong with the document; which time it does that at makes no difference.
    if (error instanceof VerifierError) return 0;
    throw error;
  }
}

type ReceiptVerdict = Awaited<ReturnType<typeof verifyReceipt> | ReturnType<typeof verifyReceiptOrigin>>;

async function receiptVerdict(
  archive: Archive,
  options: { readonly worker: Verified<WorkerFacts>; readonly now: number; readonly suite: Suite },
): Promise<ReceiptVerdict> {
  const { worker, now, suite } = options;
  const exchange = exchangeOf(archive);
  const headerBy = isSealed(archive) ? 'client' : 'host';
  if (exchange === 'deleted') return verifyReceiptOrigin(archive, { worker, headerBy, now, suite });
  return verifyReceipt(archive, {
    expected: {
      worker,
      ...exchange,
      headerBy,
      // One receipt cannot say what its channel owed before; the sum is the payer's to check, over all of its receipts.
      owedBefore: 'any',
    },
    now,
    suite,
  });
}

function exchangeOf({ request, response }: Archive): CommitmentSubject['exchange'] {
  if (request === null || request.body === null || response === null || response.body === null) return 'deleted';
  const { format, jsonLength } = response;
  return {
    request: { header: request.header, body: request.body },
    response: { format, jsonLength, body: response.body },
  };
}

/** Only a sealed header is known to be the client's: it travelled where the host cannot reach. */
function isSealed(archive: Archive): boolean {
  try {
    return (decodeReceipt(archive.receipt).flags & flag.sealed) !== 0n;
  } catch (error) {
    // Verification will name what is wrong with the receipt.
    if (error instanceof WireError) return false;
    throw error;
  }
}

const digests: CheckName = { id: 'F1', title: 'the digests in the file are those of its payloads and challenge' };

async function digestsHold({ request, response, challenge }: Archive, suite: Suite): Promise<Check> {
  const pairs = [request, response].filter((side) => side !== null);
  for (const { body, bodyHash } of pairs) {
    if (body !== null && !equalBytes(await suite.sha256(body), bodyHash)) {
      return { ...digests, outcome: 'failed', detail: 'a payload has another digest' };
    }
  }
  if (challenge.preimage !== null && !equalBytes(await suite.sha256(challenge.preimage), challenge.value)) {
    return { ...digests, outcome: 'failed', detail: 'the challenge was not made from the words shown' };
  }
  return { ...digests, outcome: 'passed', detail: 'SHA-256' };
}

const afterReceipt: readonly CheckName[] = [...releaseChecks, ...commitmentChecks, ...orderChecks];
const afterDigests: readonly CheckName[] = [...receiptChecks, ...afterReceipt];
