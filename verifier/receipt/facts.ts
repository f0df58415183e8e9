import type { Suite } from '../../wire/crypto/suite.ts';
import type { Execution } from '../../wire/message/execution.ts';
import type { StatusName } from '../../wire/message/receipt.ts';
import type { Any } from '../policy/readers.ts';
import type { Verified } from '../result.ts';
import type { WorkerFacts } from '../worker/facts.ts';

/** What the caller sent and got. There is no form of verification without it (attack-cases P6 to P9). */
export interface ReceiptExpectation {
  readonly worker: Verified<WorkerFacts>;
  readonly request: ExpectedRequest;
  readonly response: ExpectedResponse;
  /** Who made the header words: for plain calls it was the host, and every audit says so. */
  readonly headerBy: 'client' | 'host';
  /**
   * What this channel owed in this log before; zero for channel zero. "any" is for whoever has one receipt and not the
   * ones before it, and is reported as not asked.
   */
  readonly owedBefore: bigint | Any;
}

export interface ExpectedRequest {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

export interface ExpectedResponse {
  readonly format: number;
  readonly jsonLength: number;
  readonly body: Uint8Array;
}

export interface ReceiptOptions {
  readonly expected: ReceiptExpectation;
  /** Milliseconds since 1970: the worker's key must still be accepted then. */
  readonly now: number;
  readonly suite: Suite;
}

/** One answer, bound to one proven worker, model, request and place in a log. */
export interface ReceiptFacts {
  readonly level: 'attested' | 'simulated';
  readonly log: Uint8Array;
  readonly index: number;
  readonly requestId: Uint8Array;
  readonly modelId: Uint8Array;
  readonly status: StatusName;
  readonly fee: bigint;
  readonly cumulativeFee: bigint;
  readonly sealed: boolean;
  readonly headerBy: 'client' | 'host';
  readonly execution: Execution;
  readonly head: { readonly size: number; readonly root: Uint8Array };
  /** Zero, or to what a proof can be held; what it is of is only checked with the release (`verifyArchive`, the client). */
  readonly commitment: Uint8Array;
  /** SHA-256 of the answer's body. */
  readonly responseBodyHash: Uint8Array;
}
