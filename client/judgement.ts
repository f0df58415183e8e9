import { checkCommitment } from '../verifier/receipt/commitment.ts';
import type { ReceiptExpectation, ReceiptFacts } from '../verifier/receipt/facts.ts';
import { verifyReceipt } from '../verifier/receipt/verify.ts';
import type { Check, NotProven, Verified } from '../verifier/result.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import type { ReceiptBundle } from '../wire/message/bundle.ts';
import type { Manifest } from '../wire/message/manifest.ts';
import { decodeReceipt } from '../wire/message/receipt.ts';
import { ClientError } from './errors.ts';

export interface Judged {
  readonly receipt: Verified<ReceiptFacts>;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

export interface JudgementOptions {
  readonly expected: ReceiptExpectation;
  /** Of the release that was asked, proven. */
  readonly manifest: Manifest;
  readonly now: number;
  readonly suite: Suite;
}

/** Holds a receipt against what was sent and what came, and its commitment against the tensors of both. */
export async function judgeReceipt(
  bundle: ReceiptBundle,
  { expected, manifest, now, suite }: JudgementOptions,
): Promise<Judged> {
  const verdict = await verifyReceipt(bundle, { expected, now, suite });
  if (verdict.verdict !== 'accepted') throw refused(verdict);
  const { request, response } = expected;
  const committed = await checkCommitment({
    receipt: decodeReceipt(bundle.receipt),
    manifest,
    exchange: { request, response },
    suite,
  });
  const checks = [...verdict.checks, ...committed.checks];
  const { notProven, proven: receipt } = verdict;
  if (committed.code !== null) throw refused({ verdict: 'untrusted', code: committed.code, checks });
  return { receipt, checks, notProven };
}

/** The words of a receipt without request and answer: whether it commits to anything is known from the release. */
export async function judgeCommitmentWord(receipt: Uint8Array, manifest: Manifest, suite: Suite): Promise<void> {
  const { code, checks } = await checkCommitment({
    receipt: decodeReceipt(receipt),
    manifest,
    exchange: 'deleted',
    suite,
  });
  if (code !== null) throw refused({ verdict: 'untrusted', code, checks });
}

function refused(verdict: {
  readonly verdict: string;
  readonly code: string;
  readonly checks: readonly Check[];
}): ClientError {
  const { verdict: word, code } = verdict;
  return new ClientError('receipt_refused', `the answer is ${word}: ${code}`, { reason: code, verdict });
}
