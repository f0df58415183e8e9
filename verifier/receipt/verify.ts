import { WireError } from '../../wire/errors.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeExecution } from '../../wire/message/execution.ts';
import { decodeReceipt, decodeTreeHead, statusName } from '../../wire/message/receipt.ts';
import { checkJsonLength, decodeRequestHeader, flag } from '../../wire/message/request.ts';
import { type MalformedCode, VerifierError } from '../errors.ts';
import { type Check, isVerified, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { notReached, runAll, runUntilFailure } from '../rules.ts';
import type { ReceiptFacts, ReceiptOptions } from './facts.ts';
import { type ReceiptContext, receiptPolicyRules, receiptRules } from './rules.ts';

const parsing = { id: 'R0', title: 'receipt, head, execution and header are well formed' };

/**
 * Holds a receipt against what was asked and what came back. The worker must have been proven before: its type says so,
 * and a look-alike is refused at run time.
 */
export async function verifyReceipt(
  bundle: ReceiptBundle,
  options: ReceiptOptions,
): Promise<Verdict<Verified<ReceiptFacts>>> {
  const { expected, suite } = options;
  if (!isVerified(expected.worker)) throw new VerifierError('argument_invalid', 'worker was not made by verifyWorker');
  const parsed = parse(bundle, options);
  if ('code' in parsed) {
    const checks: readonly Check[] = [
      { ...parsing, outcome: 'failed', detail: parsed.detail },
      ...notReached([...receiptRules, ...receiptPolicyRules]),
    ];
    return { verdict: 'malformed', code: parsed.code, checks, notProven: [] };
  }
  const before: readonly Check[] = [{ ...parsing, outcome: 'passed', detail: `leaf ${parsed.receipt.index}` }];
  const proof = await runUntilFailure(receiptRules, parsed);
  if (proof.code !== null) {
    const checks = [...before, ...proof.checks, ...notReached(receiptPolicyRules)];
    return { verdict: 'untrusted', code: proof.code, checks, notProven: [] };
  }
  const policy = await runAll(receiptPolicyRules, parsed);
  const checks = [...before, ...proof.checks, ...policy.checks];
  const notProven = receiptNotProven(expected.headerBy);
  if (policy.code !== null) return { verdict: 'refused', code: policy.code, checks, notProven };

  const { receipt, head, execution } = parsed;
  const proven = verified<ReceiptFacts>({
    level: expected.worker.level,
    log: head.log,
    index: Number(receipt.index),
    requestId: receipt.requestId,
    modelId: receipt.modelId,
    status: statusName(receipt.status),
    fee: receipt.fee,
    cumulativeFee: receipt.cumulativeFee,
    sealed: (receipt.flags & flag.sealed) !== 0n,
    headerBy: expected.headerBy,
    execution,
    head: { size: head.size, root: head.root },
    responseBodyHash: await suite.sha256(expected.response.body),
  });
  return { verdict: 'accepted', proven, checks, notProven };
}

type Parsed = ReceiptContext | { readonly code: MalformedCode; readonly detail: string };

function parse(bundle: ReceiptBundle, { expected, now, suite }: ReceiptOptions): Parsed {
  let code: MalformedCode = 'receipt_invalid';
  try {
    const receipt = decodeReceipt(bundle.receipt);
    code = 'head_invalid';
    const head = decodeTreeHead(bundle.head);
    code = 'execution_invalid';
    const execution = decodeExecution(bundle.execution);
    code = 'header_invalid';
    const header = decodeRequestHeader(expected.request.header);
    checkJsonLength(header.format, header.jsonLength, expected.request.body.length);
    code = 'response_invalid';
    const { format, jsonLength, body } = expected.response;
    checkJsonLength(BigInt(format), BigInt(jsonLength), body.length);
    return { bundle, receipt, head, execution, header, expected, now, suite };
  } catch (error) {
    if (error instanceof WireError) return { code, detail: error.message };
    throw error;
  }
}

function receiptNotProven(headerBy: 'client' | 'host'): readonly NotProven[] {
  const always: readonly NotProven[] = [
    {
      id: 'cpu',
      reason: 'The processor named in the execution is reported by the worker’s kernel, which the host runs.',
    },
    {
      id: 'quality',
      reason: 'The answer is what this model computes; whether the model is right is another question.',
    },
  ];
  if (headerBy === 'client') return always;
  return [
    ...always,
    { id: 'header', reason: 'Header chosen by the host: model, price and salt are its choice, not yours.' },
  ];
}
