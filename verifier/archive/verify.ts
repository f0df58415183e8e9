import { equalBytes } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { type Archive, decodeArchive } from '../../wire/message/archive.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import type { ChainCache } from '../cache/chain-cache.ts';
import { VerifierError } from '../errors.ts';
import { parseUnverifiedNitroDocument } from '../nitro/verify.ts';
import type { WorkerPolicy } from '../policy/worker-policy.ts';
import type { ReceiptFacts } from '../receipt/facts.ts';
import { receiptChecks, verifyReceipt, verifyReceiptOrigin } from '../receipt/verify.ts';
import { type ReleaseFacts, releaseChecks, verifyRelease } from '../release/verify.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { type CheckName, notReached } from '../rules.ts';
import type { WorkerFacts } from '../worker/facts.ts';
import { verifyWorker } from '../worker/verify.ts';

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

export interface ArchiveFacts {
  readonly worker: Verified<WorkerFacts>;
  readonly receipt: Verified<ReceiptFacts>;
  readonly release: Verified<ReleaseFacts>;
  readonly purpose: 'live';
}

/**
 * No check failed, but nobody says when the head existed, or what it is about was deleted: neither accepted nor refused
 * (DESIGN section 4).
 */
export interface Undetermined {
  readonly verdict: 'undetermined';
  readonly code: 'not_anchored' | 'anchor_not_checked' | 'payload_missing';
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

export type ArchiveVerdict = Verdict<Verified<ArchiveFacts>> | Undetermined;

/** Reads a `.proofmark` file; the result is parsed, not proven. */
export function parseUnverifiedArchive(bytes: Uint8Array): Archive {
  try {
    return decodeArchive(bytes);
  } catch (error) {
    if (error instanceof WireError) throw new VerifierError('archive_invalid', error.message);
    throw error;
  }
}

export async function verifyArchive(archive: Archive, options: ArchiveOptions): Promise<ArchiveVerdict> {
  const { policy, purpose, suite, cache } = options;
  const now = judgedAt(archive, purpose);
  const challenge = archive.challenge.value;
  const worker = await verifyWorker(archive.evidence, {
    policy,
    now,
    challenge,
    challengedAt: 'unknown',
    suite,
    cache,
  });
  if (worker.verdict !== 'accepted') {
    return { ...worker, checks: [...worker.checks, ...notReached([digests, ...receiptChecks, ...releaseChecks])] };
  }
  const contents = await digestsHold(archive, suite);
  const upToDigests = [...worker.checks, contents];
  if (contents.outcome === 'failed') {
    const checks = [...upToDigests, ...notReached([...receiptChecks, ...releaseChecks])];
    return { verdict: 'untrusted', code: 'payload_mismatch', checks, notProven: worker.notProven };
  }
  const receipt = await receiptVerdict(archive, { worker: worker.proven, now, suite });
  const upToReceipt = [...upToDigests, ...receipt.checks];
  const aboutReceipt = [...worker.notProven, ...receipt.notProven];
  if (receipt.verdict !== 'accepted' && receipt.verdict !== 'origin-only') {
    return { ...receipt, checks: [...upToReceipt, ...notReached(releaseChecks)], notProven: aboutReceipt };
  }
  const { modelId } = receipt.verdict === 'accepted' ? receipt.proven : receipt;
  const release = await verifyRelease(archive.release, { modelId, publishers: policy.publishers, suite });
  const checks = [...upToReceipt, ...release.checks];
  const notProven = [...aboutReceipt, ...release.notProven];
  if (release.verdict !== 'accepted') return { ...release, checks, notProven };

  if (receipt.verdict === 'origin-only') {
    const reason = 'Request or answer were deleted from this file, so its receipt can be held against nothing.';
    return undetermined('payload_missing', checks, [...notProven, { id: 'payload', reason }]);
  }
  if (purpose.kind === 'archive') {
    const anchored = archive.anchors.length > 0;
    const reason = anchored
      ? 'The time anchors in this file are of kinds that this version does not check.'
      : 'Nobody dated the head: it may have been made after the worker’s key expired.';
    const code = anchored ? 'anchor_not_checked' : 'not_anchored';
    return undetermined(code, checks, [...notProven, { id: 'anchor', reason }]);
  }
  const proven = verified<ArchiveFacts>({
    worker: worker.proven,
    receipt: receipt.proven,
    release: release.proven,
    purpose: 'live',
  });
  return { verdict: 'accepted', proven, checks, notProven };
}

function undetermined(
  code: Undetermined['code'],
  checks: readonly Check[],
  notProven: readonly NotProven[],
): Undetermined {
  return { verdict: 'undetermined', code, checks, notProven };
}

function judgedAt(archive: Archive, purpose: Purpose): number {
  switch (purpose.kind) {
    case 'live':
      return purpose.now;
    case 'archive':
      return documentTime(archive);
    default:
      throw new VerifierError('argument_invalid', '"live" or "archive" expected', { field: 'purpose' });
  }
}

/** The end of JavaScript's calendar: a document that claims to be of later is judged then, and refused. */
const LAST_MOMENT = 8_640_000_000_000_000;

/** For the archive purpose only: the chain is judged at the document's own time, which an anchor must then bound. */
function documentTime(archive: Archive): number {
  try {
    return Math.min(parseUnverifiedNitroDocument(archive.evidence.document).unverified.timestamp, LAST_MOMENT);
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
  const { request, response } = archive;
  const headerBy = isSealed(archive) ? 'client' : 'host';
  if (request === null || request.body === null || response === null || response.body === null) {
    return verifyReceiptOrigin(archive, { worker, headerBy, now, suite });
  }
  const { format, jsonLength } = response;
  return verifyReceipt(archive, {
    expected: {
      worker,
      request: { header: request.header, body: request.body },
      response: { format, jsonLength, body: response.body },
      headerBy,
      // One receipt cannot say what its channel owed before; the sum is the payer's to check, over all of its receipts.
      owedBefore: 'any',
    },
    now,
    suite,
  });
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
