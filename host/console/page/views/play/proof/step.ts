import type { Check, ReceiptFacts, ReleaseFacts, Verified, WorkerFacts } from '../../../../../../verifier/index.ts';
import { equalBytes, toHex } from '../../../../../../wire/bytes.ts';
import type { Suite } from '../../../../../../wire/crypto/suite.ts';
import type { Archive } from '../../../../../../wire/message/archive.ts';
import { decodeRequestHeader, type RequestHeader } from '../../../../../../wire/message/request.ts';

/** Two values that have to be the same: what this page worked out, and what somebody stated. */
export interface Comparison {
  /** How the first came about, as `SHA-256(0x02 || header || SHA-256(body))`. */
  readonly computed: string;
  readonly value: string;
  /** Where the second stands. */
  readonly stated: string;
  readonly statedValue: string;
  readonly holds: boolean;
}

export interface StepFact {
  readonly label: string;
  readonly value: string;
}

export interface ProofStep {
  readonly id:
    | 'evidence'
    | 'session'
    | 'release'
    | 'request'
    | 'response'
    | 'execution'
    | 'leaf'
    | 'path'
    | 'head'
    | 'fee';
  readonly title: string;
  /** What is settled by it, for somebody who sees it for the first time. */
  readonly settles: string;
  /** Where the bytes came from that are compared. */
  readonly from: string;
  readonly comparisons: readonly Comparison[];
  readonly facts: readonly StepFact[];
  /** The verifier's own checks that decide this step. */
  readonly checks: readonly Check[];
}

export interface Proven {
  readonly worker: Verified<WorkerFacts>;
  readonly release: Verified<ReleaseFacts>;
  readonly receipt: Verified<ReceiptFacts>;
  readonly checks: readonly Check[];
  archive(): Uint8Array;
}

/** What each step is worked out from. */
export interface Given {
  readonly archive: Archive;
  readonly proven: Proven;
  readonly suite: Suite;
}

export const NOTHING: Uint8Array = new Uint8Array(0);

export function same(computed: string, value: Uint8Array, stated: string, statedValue: Uint8Array): Comparison {
  const [a, b] = [toHex(value), toHex(statedValue)];
  return { computed, value: a, stated, statedValue: b, holds: equalBytes(value, statedValue) };
}

export function named({ checks }: Proven, pattern: RegExp): readonly Check[] {
  return checks.filter(({ id }) => pattern.test(id));
}

export function headerOf(archive: Archive): RequestHeader {
  return decodeRequestHeader(requestOf(archive).header);
}

/** Answers of this page are archived with what was sent and received. */
export function requestOf({ request }: Archive): { readonly header: Uint8Array; readonly body: Uint8Array } {
  return { header: request?.header ?? NOTHING, body: request?.body ?? NOTHING };
}

export function responseOf({ response }: Archive): {
  readonly format: number;
  readonly jsonLength: number;
  readonly body: Uint8Array;
} {
  return { format: response?.format ?? 0, jsonLength: response?.jsonLength ?? 0, body: response?.body ?? NOTHING };
}
