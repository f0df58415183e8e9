import { ClientError } from '../../client/index.ts';
import type { Check, NotProven } from '../../verifier/index.ts';
import { verifyReceiptOrigin } from '../../verifier/receipt/verify.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead, type Receipt, type TreeHead } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { type Asker, type ProvenWorker, proveWorker, shown } from './prove-worker.ts';

interface Claims {
  readonly receipt: Receipt;
  readonly head: TreeHead;
}

/** What a host showed for a request id, checked as far as it goes without the request and its answer. */
export type Lookup =
  | {
      /** A proven worker's signed word, in its log. What was asked and answered, its hashes say to whoever has it. */
      readonly verdict: 'origin-only';
      readonly facts: Claims;
      readonly bundle: ReceiptBundle;
      readonly proven: ProvenWorker;
      readonly checks: readonly Check[];
      readonly notProven: readonly NotProven[];
    }
  /** Nobody vouches for the key: the host shows no evidence of the log any more. */
  | { readonly verdict: 'undetermined'; readonly claims: Claims; readonly reason: string };

/** Throws where anything that can be checked does not hold, with the verdict. */
export async function lookUpReceipt(asker: Asker, requestId: Uint8Array): Promise<Lookup> {
  const served = await asker.host.get(`/v1/receipts/${toHex(requestId)}`, limits.bundleBytes);
  const bundle = shown(() => decodeBundle(served));
  const claims = shown(() => ({ receipt: decodeReceipt(bundle.receipt), head: decodeTreeHead(bundle.head) }));
  if (!equalBytes(claims.receipt.requestId, requestId)) {
    throw new ClientError('protocol_violated', 'the host shows the receipt of another request', {
      reason: 'request_id_mismatch',
    });
  }
  const proven = await evidenceOf(asker, claims.head.log);
  if (typeof proven === 'string') return { verdict: 'undetermined', claims, reason: proven };
  const { worker } = proven;
  // Only a sealed header is known to be the client's: it travelled where the host cannot reach.
  const headerBy = (claims.receipt.flags & flag.sealed) === 0n ? 'host' : 'client';
  const verdict = await verifyReceiptOrigin(bundle, { worker, headerBy, now: asker.now(), suite: asker.suite });
  if (verdict.verdict !== 'origin-only') {
    throw new ClientError('receipt_refused', `the receipt is ${verdict.verdict}: ${verdict.code}`, {
      reason: verdict.code,
      verdict,
    });
  }
  const { checks, notProven } = verdict;
  return { verdict: 'origin-only', facts: claims, bundle, proven, checks, notProven };
}

/** A text says why there is none: a worker that has ended makes no more evidence. */
async function evidenceOf(asker: Asker, log: Uint8Array): Promise<ProvenWorker | string> {
  try {
    return await proveWorker(asker, log);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'host_error') return error.reason;
    throw error;
  }
}
