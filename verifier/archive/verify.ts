import { equalBytes } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { type Archive, decodeArchive } from '../../wire/message/archive.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { VerifierError } from '../errors.ts';
import { parseUnverifiedNitroDocument } from '../nitro/verify.ts';
import type { NitroPolicy } from '../policy/policy.ts';
import type { ReceiptFacts } from '../receipt/facts.ts';
import { verifyReceipt } from '../receipt/verify.ts';
import { type ReleaseFacts, verifyRelease } from '../release/verify.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import type { WorkerFacts } from '../worker/facts.ts';
import { verifyWorker } from '../worker/verify.ts';

/**
 * DESIGN section 4: `live` asks whether everything is valid now; `archive` asks whether it was when the answer was given,
 * which takes a third party that dated the head.
 */
export type Purpose = { readonly kind: 'live'; readonly now: number } | { readonly kind: 'archive' };

export interface ArchiveOptions {
  readonly policy: NitroPolicy;
  readonly purpose: Purpose;
  readonly suite: Suite;
}

export interface ArchiveFacts {
  readonly worker: Verified<WorkerFacts>;
  readonly receipt: Verified<ReceiptFacts>;
  readonly release: Verified<ReleaseFacts>;
  readonly purpose: 'live';
}

/** All checks hold, but nobody says when the head existed: neither accepted nor refused (DESIGN section 4). */
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
  const { policy, purpose, suite } = options;
  const now = purpose.kind === 'live' ? purpose.now : documentTime(archive);
  const challenge = archive.challenge.value;
  const worker = await verifyWorker(archive.evidence, { policy, now, challenge, suite });
  if (worker.verdict !== 'accepted') return worker;

  const modelId = modelOf(archive);
  const { publishers } = policy;
  const release = await verifyRelease(archive.release, { modelId, publishers, suite });
  const afterRelease = [...worker.checks, ...release.checks];
  if (release.verdict !== 'accepted') return { ...release, checks: afterRelease, notProven: worker.notProven };

  const { request, response } = archive;
  if (request === null || request.body === null || response === null || response.body === null) {
    const reason = 'Request or answer were deleted from this file, so its receipt can be held against nothing.';
    const notProven = [...worker.notProven, { id: 'payload', reason }];
    return { verdict: 'undetermined', code: 'payload_missing', checks: afterRelease, notProven };
  }
  const receipt = await verifyReceipt(archive, {
    expected: {
      worker: worker.proven,
      request: { header: request.header, body: request.body },
      response: { format: response.format, jsonLength: response.jsonLength, body: response.body },
      headerBy: isSealed(archive) ? 'client' : 'host',
      owedBefore: owedBefore(archive),
    },
    now,
    suite,
  });
  const digests = await checkDigests(archive, suite);
  const checks = [...afterRelease, digests, ...receipt.checks];
  const notProven = [...worker.notProven, ...receipt.notProven];
  if (digests.outcome === 'failed') return { verdict: 'untrusted', code: 'payload_mismatch', checks, notProven };
  if (receipt.verdict !== 'accepted') return { ...receipt, checks, notProven };
  if (purpose.kind === 'archive') {
    const anchored = archive.anchors.length > 0;
    const reason = anchored
      ? 'The time anchors in this file are of kinds that this version does not check.'
      : 'Nobody dated the head: it may have been made after the worker’s key expired.';
    const code = anchored ? 'anchor_not_checked' : 'not_anchored';
    return { verdict: 'undetermined', code, checks, notProven: [...notProven, { id: 'anchor', reason }] };
  }
  const proven = verified<ArchiveFacts>({
    worker: worker.proven,
    receipt: receipt.proven,
    release: release.proven,
    purpose: 'live',
  });
  return { verdict: 'accepted', proven, checks, notProven };
}

/** For the archive purpose only: the chain is judged at the document's own time, which an anchor must then bound. */
function documentTime(archive: Archive): number {
  try {
    return parseUnverifiedNitroDocument(archive.evidence.document).unverified.timestamp;
  } catch (error) {
    // Verification will name what is wrong with the document; which time it does that at makes no difference.
    if (error instanceof VerifierError) return 0;
    throw error;
  }
}

function modelOf(archive: Archive): Uint8Array {
  return readReceipt(archive)?.modelId ?? new Uint8Array(32);
}

/** Only a sealed header is known to be the client's: it travelled where the host cannot reach. */
function isSealed(archive: Archive): boolean {
  return ((readReceipt(archive)?.flags ?? 0n) & flag.sealed) !== 0n;
}

/** One receipt cannot say what its channel owed before; the sum is the payer's to check, against all of its receipts. */
function owedBefore(archive: Archive): bigint {
  const receipt = readReceipt(archive);
  return receipt === undefined ? 0n : receipt.cumulativeFee - receipt.fee;
}

function readReceipt(archive: Archive): ReturnType<typeof decodeReceipt> | undefined {
  try {
    return decodeReceipt(archive.receipt);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

async function checkDigests({ request, response }: Archive, suite: Suite): Promise<Check> {
  const check = { id: 'F1', title: 'the digests in the file are those of its payloads' };
  const pairs = [request, response].filter((side) => side !== null);
  for (const { body, bodyHash } of pairs) {
    if (body !== null && !equalBytes(await suite.sha256(body), bodyHash)) {
      return { ...check, outcome: 'failed', detail: 'a payload has another digest' };
    }
  }
  return { ...check, outcome: 'passed', detail: 'SHA-256' };
}
