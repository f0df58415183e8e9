import type { Suite } from '../../wire/crypto/suite.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { nodePreimage, siblings } from '../../wire/tree/shape.ts';

/** One step from a receipt towards the root of its tree. */
export interface PathStep {
  /** Of the two that are hashed together: 0 is the leaves' level. */
  readonly level: number;
  /** On which side the neighbour stands. */
  readonly side: 'left' | 'right';
  readonly neighbour: Uint8Array;
  /** What the two hash to. */
  readonly node: Uint8Array;
}

export interface InclusionPath {
  readonly index: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly steps: readonly PathStep[];
  /** Where the steps lead, whether that is the root that was signed or not: the verifier says that. */
  readonly end: Uint8Array;
}

/** Every hash between a receipt and the root that its proof leads to, for whoever wants to see it or do it by hand. */
export async function inclusionPath(
  { receipt, head, proof }: Pick<ReceiptBundle, 'receipt' | 'head' | 'proof'>,
  suite: Pick<Suite, 'sha256'>,
): Promise<InclusionPath> {
  const { size } = decodeTreeHead(head);
  const index = Number(decodeReceipt(receipt).index);
  const leaf = await suite.sha256(leafPreimage(receipt));
  const steps: PathStep[] = [];
  let node = leaf;
  for (const [at, { side, level }] of siblings({ level: 0, index }, size).entries()) {
    const neighbour = proof[at];
    if (neighbour === undefined) break;
    node = await suite.sha256(side === 'left' ? nodePreimage(neighbour, node) : nodePreimage(node, neighbour));
    steps.push({ level, side, neighbour, node });
  }
  return { index, size, leaf, steps, end: node };
}
