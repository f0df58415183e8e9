import {
  type ReceiptExpectation,
  type ReceiptFacts,
  type ReceiptOptions,
  type Verdict,
  type Verified,
  verifyReceipt,
} from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { policyFor, provenWorker } from './accept-answer.ts';
import { ANSWERED, type Answer } from './answer.ts';

export interface Judgement {
  readonly expected?: Partial<ReceiptExpectation>;
  readonly policy?: Readonly<Record<string, JsonValue>>;
  /** Whose worker is proven; the answer's own by default. */
  readonly evidence?: Evidence;
  readonly options?: Partial<Pick<ReceiptOptions, 'now' | 'suite'>>;
}

/** What a client would say about this answer: it proved the worker, sent the request, and got the rest. */
export async function judgeReceipt(
  answer: Answer,
  { expected, policy, evidence, options }: Judgement = {},
): Promise<Verdict<Verified<ReceiptFacts>>> {
  const worker = await provenWorker(evidence ?? answer.evidence, policyFor(policy));
  return verifyReceipt(answer.bundle, {
    expected: {
      worker,
      request: { header: answer.header, body: answer.requestBody },
      response: answer.response,
      headerBy: 'client',
      owedBefore: 0n,
      ...expected,
    },
    now: ANSWERED,
    suite: nodeSuite,
    ...options,
  });
}
