import type { Hex } from 'viem';
import { toHex } from '../../wire/bytes.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead } from '../../wire/message/receipt.ts';

/** How what a worker has signed is written for contracts. */
export interface SignedHeadWords {
  readonly log: Hex;
  readonly size: bigint;
  readonly root: Hex;
  readonly r: Hex;
  readonly s: Hex;
}

export interface LoggedReceiptWords {
  readonly receipt: ReceiptWords;
  readonly path: readonly Hex[];
  readonly head: SignedHeadWords;
}

export interface ReceiptWords {
  readonly requestId: Hex;
  readonly channel: Hex;
  readonly modelId: Hex;
  readonly requestHash: Hex;
  readonly responseHash: Hex;
  readonly commitment: Hex;
  readonly execution: Hex;
  readonly flags: bigint;
  readonly status: bigint;
  readonly fee: bigint;
  readonly cumulativeFee: bigint;
  readonly deadline: bigint;
  readonly index: bigint;
}

export function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}

export function signatureWords(signature: Uint8Array): { readonly r: Hex; readonly s: Hex } {
  return { r: hex(signature.subarray(0, 32)), s: hex(signature.subarray(32)) };
}

export function headWords({ head, signature }: Pick<ReceiptBundle, 'head' | 'signature'>): SignedHeadWords {
  const { log, size, root } = decodeTreeHead(head);
  return { log: hex(log), size: BigInt(size), root: hex(root), ...signatureWords(signature) };
}

export function loggedReceiptWords(bundle: ReceiptBundle): LoggedReceiptWords {
  const { requestId, channel, modelId, requestHash, responseHash, commitment, execution, ...numbers } = decodeReceipt(
    bundle.receipt,
  );
  const receipt = {
    requestId: hex(requestId),
    channel: hex(channel),
    modelId: hex(modelId),
    requestHash: hex(requestHash),
    responseHash: hex(responseHash),
    commitment: hex(commitment),
    execution: hex(execution),
    ...numbers,
  };
  return { receipt, path: bundle.proof.map(hex), head: headWords(bundle) };
}
