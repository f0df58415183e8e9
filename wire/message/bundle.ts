import { fromBase64url, toBase64url } from '../bytes.ts';
import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import { array, bytes, object, type Reader } from '../codec/fields.ts';
import { limits } from '../limits.ts';
import { HEAD_BYTES, RECEIPT_BYTES } from './receipt.ts';

/**
 * What comes with every answer: the receipt, its place in the log, and the signed head. All parts are the signed bytes
 * themselves. Nothing here is proven until `verifyReceipt` has held it against what was asked.
 */
export interface ReceiptBundle {
  readonly receipt: Uint8Array;
  /** Preimage of the receipt's `execution`. */
  readonly execution: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

const bundle: Reader<ReceiptBundle> = object<ReceiptBundle>({
  receipt: bytes(RECEIPT_BYTES),
  execution: bytes({ min: 1, max: limits.executionBytes }),
  proof: array(bytes(32), { min: 0, max: limits.treeProofHashes }),
  head: bytes(HEAD_BYTES),
  signature: bytes(64),
});

export function encodeBundle(value: ReceiptBundle): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ['receipt', value.receipt],
      ['execution', value.execution],
      ['proof', value.proof],
      ['head', value.head],
      ['signature', value.signature],
    ]),
  );
}

export function decodeBundle(encoded: Uint8Array): ReceiptBundle {
  return bundle(decodeCbor(encoded, strictCbor(limits.bundleBytes)), 'bundle');
}

/** The `Proofmark-Receipt` header of an unsealed answer. */
export function bundleToHeader(value: ReceiptBundle): string {
  return toBase64url(encodeBundle(value));
}

export function bundleFromHeader(header: string): ReceiptBundle {
  return decodeBundle(fromBase64url(header));
}
