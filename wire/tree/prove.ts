import { WireError } from '../errors.ts';
import { type NodeReader, readNode } from './nodes.ts';
import { checkCount, checkLevel, isComplete, lastCompleteNode, siblings } from './shape.ts';

/** The host's side: proofs made from stored complete subtrees (`completedNodes`) and nothing else, O(log n) reads each. */

export function treeRoot(reader: NodeReader, size: number): Uint8Array {
  checkCount(size, 'size');
  let level = 0;
  while (2 ** level < size) level += 1;
  return readNode(reader, { level, index: 0 }, size);
}

/** RFC 6962 section 2.1.1. */
export function inclusionProof(reader: NodeReader, index: number, size: number): readonly Uint8Array[] {
  return subtreeProof(reader, 0, index, size);
}

/** The same path, from a complete subtree instead of a leaf. */
export function subtreeProof(reader: NodeReader, level: number, index: number, size: number): readonly Uint8Array[] {
  checkLevel(level);
  checkCount(index, 'index');
  checkCount(size, 'size');
  if (!isComplete({ level, index }, size)) {
    throw new WireError('tree_invalid', 'the tree does not hold all of that subtree', { field: 'index' });
  }
  return siblings({ level, index }, size).map((sibling) => readNode(reader, sibling, size));
}

/** RFC 6962 section 2.1.2, which begins at trees of one leaf: nothing is inconsistent with the empty tree. */
export function consistencyProof(reader: NodeReader, first: number, second: number): readonly Uint8Array[] {
  checkCount(first, 'first');
  checkCount(second, 'second');
  if (first === 0 || first > second) {
    throw new WireError('tree_invalid', 'the first size must be from 1 to the second', { field: 'first' });
  }
  if (first === second) return [];
  const shared = lastCompleteNode(first);
  const path = siblings(shared, second);
  // When `first` is a power of two, the shared subtree is the older tree itself, and its root is known to the verifier.
  const steps = shared.index === 0 ? path : [shared, ...path];
  return steps.map((node) => readNode(reader, node, second));
}
