import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { statusName } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import { type CheckName, checkOfError, leftOpen, notReached, runAll, runUntilFailure } from '../rules.ts';
import type { ReceiptFacts, ReceiptOptions } from './facts.ts';
import { type OriginOptions, parseOrigin, parseReceipt, type ReceiptMalformed, receiptParsing } from './parse.ts';
import { receiptOriginRules, receiptPolicyRules, receiptRules } from './rules.ts';

const later: readonly CheckName[] = [...receiptRules, ...receiptPolicyRules];

/** All that is checked about a receipt, in order, for whoever did not come to it. */
export const receiptChecks: readonly CheckName[] = [receiptParsing, ...later];

/**
 * Holds a receipt against what was asked and what came back. The worker must have been proven before: its type says so,
 * and a look-alike is refused at run time.
 */
export async function verifyReceipt(
  bundle: ReceiptBundle,
  options: ReceiptOptions,
): Promise<Verdict<Verified<ReceiptFacts>>> {
  const parsed = await parseReceipt(bundle, options);
  if ('code' in parsed) return malformedVerdict(parsed);
  const { receipt, head, execution, worker, headerBy } = parsed;
  const before: readonly Check[] = [{ ...receiptParsing, outcome: 'passed', detail: `leaf ${receipt.index}` }];
  const proof = await runUntilFailure(receiptRules, parsed);
  if (proof.code !== null) {
    const checks = [...before, ...proof.checks, ...notReached(receiptPolicyRules)];
    return { verdict: 'untrusted', code: proof.code, checks, notProven: [] };
  }
  const policy = await runAll(receiptPolicyRules, parsed);
  const checks = [...before, ...proof.checks, ...policy.checks];
  const notProven = receiptNotProven(headerBy, checks);
  if (policy.code !== null) return { verdict: 'refused', code: policy.code, checks, notProven };

  const proven = verified<ReceiptFacts>({
    level: worker.level,
    log: head.log,
    index: Number(receipt.index),
    requestId: receipt.requestId,
    modelId: receipt.modelId,
    status: statusName(receipt.status),
    fee: receipt.fee,
    cumulativeFee: receipt.cumulativeFee,
    sealed: (receipt.flags & flag.sealed) !== 0n,
    headerBy,
    execution,
    head: { size: head.size, root: head.root },
    commitment: receipt.commitment,
    responseBodyHash: parsed.responseBodyHash,
  });
  return { verdict: 'accepted', proven, checks, notProven };
}

type Refusal = Exclude<Verdict<never>, { readonly verdict: 'accepted' }>;

/** Nothing that could be checked failed, and what the receipt is about could not be checked: it proves nothing yet. */
interface OriginOnly {
  readonly verdict: 'origin-only';
  readonly modelId: Uint8Array;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

/** For an archive whose payload was deleted: who signed, for which log and runtime. The rest is listed as not reached. */
export async function verifyReceiptOrigin(
  bundle: ReceiptBundle,
  options: OriginOptions,
): Promise<Refusal | OriginOnly> {
  const parsed = parseOrigin(bundle, options);
  if ('code' in parsed) return malformedVerdict(parsed);
  const before: readonly Check[] = [
    { ...receiptParsing, outcome: 'passed', detail: `leaf ${parsed.receipt.index}; no header or body to read` },
  ];
  const proof = await runUntilFailure(receiptOriginRules, parsed);
  const checks = [...before, ...inOrder(receiptRules, proof.checks)];
  if (proof.code !== null) {
    return {
      verdict: 'untrusted',
      code: proof.code,
      checks: [...checks, ...notReached(receiptPolicyRules)],
      notProven: [],
    };
  }
  const policy = await runAll(receiptPolicyRules, parsed);
  const all = [...checks, ...policy.checks];
  const notProven = receiptNotProven(parsed.headerBy, policy.checks);
  if (policy.code !== null) return { verdict: 'refused', code: policy.code, checks: all, notProven };
  return { verdict: 'origin-only', modelId: parsed.receipt.modelId, checks: all, notProven };
}

function inOrder(names: readonly CheckName[], found: readonly Check[]): readonly Check[] {
  return names.map(
    ({ id, title }) =>
      found.find((check) => check.id === id) ?? { id, title, outcome: 'not-reached', detail: 'the payload is missing' },
  );
}

function malformedVerdict({ code, error }: ReceiptMalformed): Refusal {
  const checks: readonly Check[] = [checkOfError(receiptParsing, error), ...notReached(later)];
  return { verdict: 'malformed', code, checks, notProven: [] };
}

function receiptNotProven(headerBy: 'client' | 'host', checks: readonly Check[]): readonly NotProven[] {
  const always: readonly NotProven[] = [
    {
      id: 'cpu',
      reason: 'The processor named in the execution is reported by the worker’s kernel, which the host runs.',
    },
    {
      id: 'quality',
      reason: 'The answer is what this model computes; whether the model is right is another question.',
    },
    ...leftOpen(checks),
  ];
  if (headerBy === 'client') return always;
  return [
    ...always,
    { id: 'header', reason: 'Header chosen by the host: model, price and salt are its choice, not yours.' },
  ];
}
