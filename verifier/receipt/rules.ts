import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import type { Execution } from '../../wire/message/execution.ts';
import { signerPoint } from '../../wire/message/identity.ts';
import { leafPreimage, type Receipt, status, statusName, type TreeHead } from '../../wire/message/receipt.ts';
import {
  feeFor,
  flag,
  operation,
  type RequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../wire/message/request.ts';
import { verifyInclusion } from '../../wire/tree/verify.ts';
import type { RefusedCode, UntrustedCode } from '../errors.ts';
import { isListed } from '../policy/readers.ts';
import type { Verified } from '../result.ts';
import { failed, notAsked, passed, type Rule } from '../rules.ts';
import type { WorkerFacts } from '../worker/facts.ts';
import type { ReceiptExpectation } from './facts.ts';

/** What a receipt settles on its own, without request and answer. */
export interface OriginContext {
  readonly bundle: ReceiptBundle;
  readonly receipt: Receipt;
  readonly head: TreeHead;
  readonly execution: Execution;
  readonly worker: Verified<WorkerFacts>;
  readonly headerBy: ReceiptExpectation['headerBy'];
  readonly now: number;
  readonly suite: Suite;
}

export interface ReceiptContext extends OriginContext {
  readonly headerBytes: Uint8Array;
  readonly header: RequestHeader;
  /** Bodies enter by their hashes, taken once: what was compared is what the facts name. */
  readonly requestBodyHash: Uint8Array;
  readonly responseBodyHash: Uint8Array;
  readonly response: { readonly format: bigint; readonly jsonLength: bigint };
  readonly owedBefore: ReceiptExpectation['owedBefore'];
}

/** Who said it: the head is this log's, signed by the proven key, and the receipt stands under it. */
const originRules: readonly Rule<OriginContext, UntrustedCode>[] = [
  {
    id: 'R1',
    title: 'the head is of the proven log',
    run: ({ head, worker }) =>
      equalBytes(head.log, worker.log)
        ? passed(`log ${toHex(head.log)}`)
        : failed('head_of_other_log', toHex(head.log)),
  },
  {
    id: 'R2',
    title: 'the head names the chain and settlement of the identity',
    run: ({ head, worker }) => {
      const { chainId, settlement } = worker.identity;
      return head.chainId === chainId && equalBytes(head.settlement, settlement)
        ? passed(chainId === 0n ? 'off chain' : `chain ${chainId}`)
        : failed('head_of_other_chain', `chain ${head.chainId}`);
    },
  },
  {
    id: 'R3',
    title: "the head's signature verifies under the proven signer",
    run: async ({ bundle, worker, suite }) => {
      try {
        const point = signerPoint(worker.identity);
        if (await verifyLowS(suite, point, bundle.head, bundle.signature)) return passed('ECDSA P-256, low s');
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
      return failed('head_signature', 'not signed by this worker');
    },
  },
  {
    id: 'R4',
    title: 'the receipt is a leaf under the head',
    run: async ({ bundle, receipt, head, suite }) => {
      const leafHash = await suite.sha256(leafPreimage(bundle.receipt));
      const index = Number(receipt.index);
      const claim = { leafHash, index, size: head.size, proof: bundle.proof, root: head.root };
      return (await verifyInclusion(suite, claim))
        ? passed(`leaf ${index} of ${head.size}`)
        : failed('inclusion_proof', `leaf ${index} of ${head.size} is not proven`);
    },
  },
];

/** What it is about: this request, this model, this answer, and nothing else. */
const subjectRules: readonly Rule<ReceiptContext, UntrustedCode>[] = [
  {
    id: 'R5',
    title: 'the receipt names this request',
    run: ({ receipt, header }) =>
      equalBytes(receipt.requestId, header.requestId)
        ? passed(toHex(receipt.requestId))
        : failed('request_id_mismatch', toHex(receipt.requestId)),
  },
  {
    id: 'R6',
    title: 'the receipt names the model that was asked',
    run: ({ receipt, header }) =>
      equalBytes(receipt.modelId, header.modelId)
        ? passed(toHex(receipt.modelId))
        : failed('model_mismatch', toHex(receipt.modelId)),
  },
  {
    id: 'R7',
    title: 'requestHash covers the header and body that were sent',
    run: async ({ receipt, headerBytes, requestBodyHash, suite }) => {
      const hash = await suite.sha256(requestPreimage(headerBytes, requestBodyHash));
      return equalBytes(receipt.requestHash, hash)
        ? passed(toHex(hash))
        : failed('request_mismatch', 'the worker answered another request');
    },
  },
  {
    id: 'R8',
    title: 'responseHash covers the answer that was received',
    run: async ({ receipt, header, response, responseBodyHash, suite }) => {
      const { salt } = header;
      const preimage = responsePreimage({ salt, status: receipt.status, ...response, bodyHash: responseBodyHash });
      const hash = await suite.sha256(preimage);
      return equalBytes(receipt.responseHash, hash)
        ? passed(toHex(hash))
        : failed('response_mismatch', 'the worker gave another answer');
    },
  },
];

/** By which program: the statement that came along, held against the receipt and the attested runtime. */
const executionRules: readonly Rule<OriginContext, UntrustedCode>[] = [
  {
    id: 'R9',
    title: 'the execution shown is the one in the receipt',
    run: async ({ bundle, receipt, suite }) =>
      equalBytes(await suite.sha256(bundle.execution), receipt.execution)
        ? passed(toHex(receipt.execution))
        : failed('execution_mismatch', 'its hash is not the receipt’s'),
  },
  {
    id: 'R10',
    title: 'the execution is by the attested runtime',
    run: ({ execution, worker }) => {
      const { engine, version, provider, optimisation, threads } = worker.runtime;
      return execution.engine === engine &&
        execution.version === version &&
        execution.provider === provider &&
        execution.optimisation === optimisation &&
        execution.threads === threads
        ? passed(`${engine} ${version}, ${provider}, ${threads} thread(s)`)
        : failed('execution_contradiction', `${execution.engine} ${execution.version}`);
    },
  },
];

/** On which terms: what was asked for is what was charged and marked. */
const termsRules: readonly Rule<ReceiptContext, UntrustedCode>[] = [
  {
    id: 'R11',
    title: 'flags, channel and deadline are those of the request',
    run: ({ receipt, header }) => {
      if (receipt.flags !== header.flags) return failed('flags_mismatch', `flags ${receipt.flags}`);
      if (!equalBytes(receipt.channel, header.channel)) return failed('channel_mismatch', toHex(receipt.channel));
      if (receipt.deadline !== header.deadline) return failed('deadline_mismatch', `${receipt.deadline}`);
      return passed(isZero(receipt.channel) ? 'no channel' : `channel ${toHex(receipt.channel)}`);
    },
  },
  {
    id: 'R12',
    title: 'the fee follows from price, units and status',
    run: ({ receipt, header }) => {
      const contradiction = feeContradiction(receipt, header);
      return contradiction === undefined ? passed(`${receipt.fee}`) : failed('fee_mismatch', contradiction);
    },
  },
  {
    id: 'R13',
    title: 'the channel owes what it owed before and this fee',
    run: ({ receipt, header, owedBefore }) => {
      const { fee, cumulativeFee } = receipt;
      const charged = !isZero(header.channel);
      if (charged && owedBefore === 'any') {
        return cumulativeFee >= fee
          ? notAsked('what the channel owed before is not known here')
          : failed('cumulative_fee_mismatch', `${cumulativeFee}, with a fee of ${fee}`);
      }
      const owed = charged && owedBefore !== 'any' ? owedBefore + fee : 0n;
      return cumulativeFee === owed
        ? passed(`${owed}`)
        : failed('cumulative_fee_mismatch', `${cumulativeFee}, expected ${owed}`);
    },
  },
];

/**
 * Tensor calls count one unit, and perhaps none where they were cancelled: before they were begun they cost nothing. How
 * many a language call counted is the worker's word; that they are whole units is not.
 */
function feeContradiction({ fee, status: word }: Receipt, header: RequestHeader): string | undefined {
  if (word !== status.ok && word !== status.cancelled) {
    return fee === 0n ? undefined : `${fee} charged for status ${statusName(word)}`;
  }
  if (fee > header.maxFee) return `${fee} is above the maximum ${header.maxFee}`;
  if (header.operation === operation.infer) {
    const one = feeFor(header, 1n);
    const free = word === status.cancelled && fee === 0n;
    return free || fee === one ? undefined : `${fee}, expected ${one}`;
  }
  const units = header.unitPrice === 0n ? 0n : (fee + header.unitPrice - 1n) / header.unitPrice;
  return fee === feeFor(header, units) ? undefined : `${fee} is no number of units at ${header.unitPrice}`;
}

export const receiptRules: readonly Rule<ReceiptContext, UntrustedCode>[] = [
  ...originRules,
  ...subjectRules,
  ...executionRules,
  ...termsRules,
];

/** Those of them that need neither request nor answer. */
export const receiptOriginRules: readonly Rule<OriginContext, UntrustedCode>[] = [...originRules, ...executionRules];

/** What the policy that accepted the worker wants of its answers. */
export const receiptPolicyRules: readonly Rule<OriginContext, RefusedCode>[] = [
  {
    id: 'R14',
    title: "the worker's key is accepted at the given time",
    run: ({ worker, now }) => {
      const { from, until } = acceptance(worker);
      const detail = `${new Date(from).toISOString()} to ${new Date(until).toISOString()}`;
      return from <= now && now <= until ? passed(detail) : failed('worker_expired', detail);
    },
  },
  {
    id: 'R15',
    title: 'the model is accepted',
    run: ({ worker, receipt }) => {
      const { models } = worker.policy;
      if (models === 'any') return notAsked('any model');
      return isListed(models, receipt.modelId)
        ? passed('on the list')
        : failed('model_refused', toHex(receipt.modelId));
    },
  },
  {
    id: 'R16',
    title: 'the answer was sealed',
    run: ({ worker, receipt }) => {
      const sealed = (receipt.flags & flag.sealed) !== 0n;
      if (worker.policy.sealed === 'any') return notAsked(sealed ? 'sealed' : 'the host saw it');
      return sealed ? passed('end to end') : failed('unsealed_refused', 'the host saw request and answer');
    },
  },
  {
    id: 'R17',
    title: 'the header was chosen by the client',
    run: ({ worker, headerBy }) => {
      if (worker.policy.headers === 'any') return notAsked(`chosen by the ${headerBy}`);
      return headerBy === 'client' ? passed('client') : failed('header_by_host', 'chosen by the host');
    },
  },
];

/** DESIGN A1 judges at one time T: before the certificates began, or the document was made, the key was not accepted. */
function acceptance(worker: WorkerFacts): {
  readonly from: number;
  readonly until: number;
} {
  const { acceptedUntil: until } = worker;
  const { notBefore } = worker.attestation.validity;
  // A report has no date of its own; rule W12 asked how old it is.
  if (worker.tee === 'amd-sev-snp') return { from: notBefore, until };
  const documented = worker.attestation.timestamp - worker.policy.futureSkewSeconds * 1_000;
  return { from: Math.max(notBefore, documented), until };
}
