import type { Address, Hex } from 'viem';
import { sha256 } from '../../../wire/crypto/node.ts';
import type { Receipt } from '../../../wire/message/receipt.ts';
import {
  encodeRequestHeader,
  feeFor,
  flag,
  format,
  operation,
  requestPreimage,
  responsePreimage,
} from '../../../wire/message/request.ts';
import { filler } from '../../vectors/golden/keys.ts';
import { bytesOf } from './settlement.ts';

/** What a worker says about a call that a channel pays. */
export function chargedReceipt(channel: Hex, fee: bigint, cumulativeFee: bigint, index: bigint): Receipt {
  return {
    requestId: filler('request'),
    channel: bytesOf(channel),
    modelId: filler('model'),
    requestHash: filler('request hash'),
    responseHash: filler('response hash'),
    commitment: new Uint8Array(32),
    execution: filler('execution'),
    flags: flag.sealed,
    status: 0n,
    fee,
    cumulativeFee,
    deadline: 0n,
    index,
  };
}

export interface Terms {
  readonly modelId: Hex;
  readonly policy: Address;
  readonly resultVerifier: Address;
  readonly unitPrice: bigint;
  readonly maxFee: bigint;
  readonly deadline: bigint;
  readonly callback: Address;
  readonly callbackGas: bigint;
}

/** What an honest worker says about an on-chain request: the header is rebuilt by the TypeScript that workers run. */
export function answeredReceipt(
  escrow: Hex,
  terms: Terms,
  input: Uint8Array,
  output: Uint8Array,
  index: bigint,
): Receipt {
  const requestId = bytesOf(escrow);
  const header = {
    requestId,
    modelId: bytesOf(terms.modelId),
    operation: operation.infer,
    format: format.integers,
    jsonLength: 0n,
    flags: flag.disclose,
    salt: requestId,
    channel: new Uint8Array(32),
    unitPrice: terms.unitPrice,
    maxFee: terms.maxFee,
    deadline: terms.deadline,
    seed: sha256(requestId),
  };
  const response = { salt: requestId, status: 0n, format: format.integers, jsonLength: 0n, bodyHash: sha256(output) };
  return {
    requestId,
    channel: new Uint8Array(32),
    modelId: header.modelId,
    requestHash: sha256(requestPreimage(encodeRequestHeader(header), sha256(input))),
    responseHash: sha256(responsePreimage(response)),
    commitment: new Uint8Array(32),
    execution: filler('execution'),
    flags: flag.disclose,
    status: 0n,
    fee: feeFor(header, 1n),
    cumulativeFee: 0n,
    deadline: terms.deadline,
    index,
  };
}
