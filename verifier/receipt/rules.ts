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
import { isListed } from '../policy/policy.ts';
import { failed, notAsked, passed, type Rule } from '../rules.ts';
import type { ReceiptExpectation } from './facts.ts';

export interface ReceiptContext {
  readonly bundle: ReceiptBundle;
  readonly receipt: Receipt;
  readonly head: TreeHead;
  readonly execution: Execution;
  readonly header: RequestHeader;
  readonly expected: ReceiptExpectation;
  readonly now: number;
  readonly suite: Suite;
}

/** Who said it: the head is this log's, signed by the proven key, and the receipt stands under it. */
const originRules: readonly Rule<ReceiptContext, UntrustedCode>[] = [
  {
    id: 'R1',
    title: 'the head is of the proven log',
    run: ({ head, expected }) =>
      equalBytes(head.log, expected.worker.log)
        ? passed(`log ${toHex(head.log)}`)
        : failed('head_of_other_log', toHex(head.log)),
  },
  {
    id: 'R2',
    title: 'the head names the chain and settlement of the identity',
    run: ({ head, expected }) => {
      const { chainId, settlement } = expected.worker.identity;
      return head.chainId === chainId && equalBytes(head.settlement, settlement)
        ? passed(chainId === 0n ? 'off chain' : `chain ${chainId}`)
        : failed('head_of_other_chain', `chain ${head.chainId}`);
    },
  },
  {
    id: 'R3',
    title: "the head's signature verifies under the proven signer",
    run: async ({ bundle, expected, suite }) => {
      try {
        const point = signerPoint(expected.worker.identity);
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
    run: async ({ receipt, expected, suite }) => {
      const { header, body } = expected.request;
      const hash = await suite.sha256(requestPreimage(header, await suite.sha256(body)));
      return equalBytes(receipt.requestHash, hash)
        ? passed(toHex(hash))
        : failed('request_mismatch', 'the worker answered another request');
    },
  },
  {
    id: 'R8',
    title: 'responseHash covers the answer that was received',
    run: async ({ receipt, header, expected, suite }) => {
      const { format, jsonLength, body } = expected.response;
      const preimage = responsePreimage({
        salt: header.salt,
        status: receipt.status,
        format: BigInt(format),
        jsonLength: BigInt(jsonLength),
        bodyHash: await suite.sha256(body),
      });
      const hash = await suite.sha256(preimage);
      return equalBytes(receipt.responseHash, hash)
        ? passed(toHex(hash))
        : failed('response_mismatch', 'the worker gave another answer');
    },
  },
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
    run: ({ execution, expected }) => {
      const { engine, version, provider, optimisation, threads } = expected.worker.runtime;
      return execution.engine === engine &&
        execution.version === version &&
        execution.provider === provider &&
        execution.optimisation === optimisation &&
        execution.threads === threads
        ? passed(`${engine} ${version}, ${provider}, ${threads} thread(s)`)
        : failed('execution_contradiction', `${execution.engine} ${execution.version}`);
    },
  },
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
      const most = fits(receipt, header);
      return most === undefined ? passed(`${receipt.fee}`) : failed('fee_mismatch', most);
    },
  },
  {
    id: 'R13',
    title: 'the channel owes what it owed before and this fee',
    run: ({ receipt, header, expected }) => {
      const owed = isZero(header.channel) ? 0n : expected.owedBefore + receipt.fee;
      return receipt.cumulativeFee === owed
        ? passed(`${owed}`)
        : failed('cumulative_fee_mismatch', `${receipt.cumulativeFee}, expected ${owed}`);
    },
  },
];

/** Tensor calls count one unit; what language calls count is checked against their usage, up to the maximum here. */
function fits(receipt: Receipt, header: RequestHeader): string | undefined {
  const { fee } = receipt;
  if (receipt.status !== status.ok && receipt.status !== status.cancelled) {
    return fee === 0n ? undefined : `${fee} charged for status ${statusName(receipt.status)}`;
  }
  if (fee > header.maxFee) return `${fee} is above the maximum ${header.maxFee}`;
  if (header.operation !== operation.infer) return undefined;
  const one = feeFor(header, 1n);
  return fee === one ? undefined : `${fee}, expected ${one}`;
}

export const receiptRules: readonly Rule<ReceiptContext, UntrustedCode>[] = [...originRules, ...subjectRules];

/** What the policy that accepted the worker wants of its answers. */
export const receiptPolicyRules: readonly Rule<ReceiptContext, RefusedCode>[] = [
  {
    id: 'R14',
    title: "the worker's key is still accepted",
    run: ({ expected, now }) =>
      now <= expected.worker.acceptedUntil
        ? passed(`until ${new Date(expected.worker.acceptedUntil).toISOString()}`)
        : failed('worker_expired', `since ${new Date(expected.worker.acceptedUntil).toISOString()}`),
  },
  {
    id: 'R15',
    title: 'the model is accepted',
    run: ({ expected, receipt }) => {
      const { models } = expected.worker.policy;
      if (models === 'any') return notAsked('any model');
      return isListed(models, receipt.modelId)
        ? passed('on the list')
        : failed('model_refused', toHex(receipt.modelId));
    },
  },
  {
    id: 'R16',
    title: 'the answer was sealed',
    run: ({ expected, receipt }) => {
      const sealed = (receipt.flags & flag.sealed) !== 0n;
      if (expected.worker.policy.sealed === 'any') return notAsked(sealed ? 'sealed' : 'the host saw it');
      return sealed ? passed('end to end') : failed('unsealed_refused', 'the host saw request and answer');
    },
  },
  {
    id: 'R17',
    title: 'the header was chosen by the client',
    run: ({ expected }) => {
      if (expected.worker.policy.headers === 'any') return notAsked(`chosen by the ${expected.headerBy}`);
      return expected.headerBy === 'client' ? passed('client') : failed('header_by_host', 'chosen by the host');
    },
  },
];
