import type { Suite } from '../../../../../../wire/crypto/suite.ts';
import type { ReceiptBundle } from '../../../../../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../../../../wire/message/receipt.ts';
import { nodePreimage, siblings } from '../../../../../../wire/tree/shape.ts';

/** One level of the way from a leaf to the root. */
export interface PathStep {
  /** Of the node that the neighbour stands beside. */
  readonly level: number;
  readonly side: 'left' | 'right';
  readonly neighbour: Uint8Array;
  /** What the two hash to. */
  readonly hash: Uint8Array;
}

/** Every hash between a receipt and the root that its proof leads to, whether that is the signed one or not. */
export async function climb(
  { receipt, head, proof }: Pick<ReceiptBundle, 'receipt' | 'head' | 'proof'>,
  suite: Suite,
): Promise<readonly PathStep[]> {
  const { size } = decodeTreeHead(head);
  const places = siblings({ level: 0, index: Number(decodeReceipt(receipt).index) }, size);
  const steps: PathStep[] = [];
  let hash = await suite.sha256(leafPreimage(receipt));
  for (const [at, { side, level }] of places.entries()) {
    const neighbour = proof[at];
    if (neighbour === undefined) break;
    hash = await suite.sha256(side === 'left' ? nodePreimage(neighbour, hash) : nodePreimage(hash, neighbour));
    steps.push({ level, side, neighbour, hash });
  }
  return steps;
}
