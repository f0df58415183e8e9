import { WireError } from '../errors.ts';
import { decodeWords, encodeWords, tagWord, type WordRecord } from '../words.ts';

const APPROVAL_TAG = 'proofmark approval v1';

const approvalLayout = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'chainId', kind: 'uint', bits: 256 },
  /** The contract that counts approvals. */
  { name: 'verifier', kind: 'address' },
  { name: 'escrow', kind: 'bytes32' },
  { name: 'log', kind: 'bytes32' },
  { name: 'modelId', kind: 'bytes32' },
  { name: 'inputHash', kind: 'bytes32' },
  { name: 'outputHash', kind: 'bytes32' },
  { name: 'execution', kind: 'bytes32' },
] as const;

/**
 * Signed by an auditor whom a requester named (DESIGN section 6, `replayed`): "I computed this answer again on the worker's
 * class of machine, and it is the same bits." For one escrow of one contract on one chain, so that it pays nowhere else.
 */
export type Approval = Omit<WordRecord<typeof approvalLayout>, 'tag'>;

export const APPROVAL_BYTES: number = 9 * 32;

/** The nine words that an auditor signs. `inputHash` and `outputHash` are SHA-256 of the bodies. */
export function encodeApproval(approval: Approval): Uint8Array {
  return encodeWords(approvalLayout, { ...approval, tag: tagWord(APPROVAL_TAG) });
}

export function decodeApproval(bytes: Uint8Array): Approval {
  const { tag, ...approval } = decodeWords(approvalLayout, bytes);
  const expected = tagWord(APPROVAL_TAG);
  if (tag.some((byte, place) => byte !== expected[place])) {
    throw new WireError('tag_mismatch', `expected "${APPROVAL_TAG}"`, { field: 'tag' });
  }
  return approval;
}
