import { concatBytes, fromBase64url, toBase64url } from '../bytes.ts';
import { byteStringHead, type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
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

/**
 * The bytes of the general encoder for a map of these five, in the order of its keys, written at once: every answer has
 * one. What has another length than a bundle's part is left to the general encoder, and refused by `decodeBundle`.
 */
export function encodeBundle(value: ReceiptBundle): Uint8Array {
  const { receipt, execution, proof, head, signature } = value;
  const usual =
    receipt.length === RECEIPT_BYTES &&
    head.length === HEAD_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    execution.length < 0x10000 &&
    proof.length < 24 &&
    proof.every(({ length }) => length === HASH_BYTES);
  if (!usual) return encodeCbor(new Map<string, CborValue>(Object.entries(value)));
  const parts = [BEFORE_HEAD, head, BEFORE_PROOF, Uint8Array.of(0x80 | proof.length)];
  for (const hash of proof) parts.push(BEFORE_HASH, hash);
  parts.push(BEFORE_RECEIPT, receipt, BEFORE_EXECUTION, byteStringHead(execution.length), execution);
  parts.push(BEFORE_SIGNATURE, signature);
  return concatBytes(...parts);
}

const SIGNATURE_BYTES = 64;
const HASH_BYTES = 32;
const BEFORE_HEAD: Uint8Array = concatBytes(Uint8Array.of(0xa5), key('head'), byteStringHead(HEAD_BYTES));
const BEFORE_PROOF: Uint8Array = key('proof');
const BEFORE_HASH: Uint8Array = byteStringHead(HASH_BYTES);
const BEFORE_RECEIPT: Uint8Array = concatBytes(key('receipt'), byteStringHead(RECEIPT_BYTES));
const BEFORE_EXECUTION: Uint8Array = key('execution');
const BEFORE_SIGNATURE: Uint8Array = concatBytes(key('signature'), byteStringHead(SIGNATURE_BYTES));

function key(name: string): Uint8Array {
  return encodeCbor(name);
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
