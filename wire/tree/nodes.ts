import { sha256 } from '../crypto/node.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { checkCount, copyHash, HASH_BYTES, isComplete, type NodePlace, nodePreimage, peaks } from './shape.ts';

/** Gives the hash of the complete subtree of 2^level leaves that starts at index * 2^level; throws when it has none. */
export type NodeReader = (level: number, index: number) => Uint8Array;

export interface TreeNode extends NodePlace {
  readonly hash: Uint8Array;
}

/** Neighbouring hashes of one level, up to the tree's right edge; the last one may be cut off there. */
export interface Row {
  readonly first: number;
  readonly hashes: readonly Uint8Array[];
}

const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/** Written over for each node: an array of this length would have its memory outside the heap, and be collected apart. */
const preimage: Uint8Array = nodePreimage(EMPTY_ROOT, EMPTY_ROOT);

export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  preimage.set(left, 1);
  preimage.set(right, 1 + HASH_BYTES);
  return sha256(preimage);
}

/** RFC 6962 section 2.1: joins the peaks of a tree, rightmost first. The hash of no leaves is the hash of no bytes. */
export function joinPeaks(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return new Uint8Array(EMPTY_ROOT);
  return hashes.reduceRight((right, left) => hashNode(left, right));
}

/** The hash of any node of a tree of `size` leaves, also of one that the right edge cuts off. */
export function readNode(reader: NodeReader, node: NodePlace, size: number): Uint8Array {
  const parts = isComplete(node, size) ? [node] : peaks(node.index * 2 ** node.level, size);
  return joinPeaks(parts.map(({ level, index }) => copyHash(reader(level, index), 'tree_invalid', 'node')));
}

/**
 * Every row that new leaves change, from the leaves to the root: one hash per pair, so a batch costs its own length and
 * one path. `left` gives the old complete node that ends where a row of new hashes begins, and is asked only for those.
 */
export function rowsAbove(start: number, leafHashes: readonly Uint8Array[], left: NodeReader): readonly Row[] {
  const rows: Row[] = [];
  let row: Row = { first: start, hashes: leafHashes };
  for (let level = 0; ; level++) {
    if (row.first % 2 === 1) row = { first: row.first - 1, hashes: [left(level, row.first - 1), ...row.hashes] };
    rows.push(row);
    if (row.first === 0 && row.hashes.length === 1) return rows;
    row = { first: row.first / 2, hashes: pairUp(row.hashes) };
  }
}

function pairUp(hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let i = 0; i < hashes.length; i += 2) {
    const left = hashes[i] as Uint8Array;
    const right = hashes[i + 1];
    parents.push(right === undefined ? left : hashNode(left, right));
  }
  return parents;
}

export function copyLeaves(start: number, leafHashes: readonly Uint8Array[]): readonly Uint8Array[] {
  checkCount(start, 'size');
  if (!Array.isArray(leafHashes)) throw new WireError('tree_invalid', 'leaves are a list of hashes', { field: 'leaf' });
  if (start + leafHashes.length > limits.treeSize) throw new WireError('tree_invalid', 'the tree is full');
  // Not map, which would skip the holes of a sparse array.
  return Array.from(leafHashes, (hash: Uint8Array) => copyHash(hash, 'tree_invalid', 'leaf'));
}

/**
 * What a journal stores when leaves arrive after the first `start`: every subtree that they complete, the leaves
 * themselves at level 0, lowest level first. `reader` is asked only for subtrees that were complete before.
 */
export function completedNodes(
  start: number,
  leafHashes: readonly Uint8Array[],
  reader: NodeReader,
): readonly TreeNode[] {
  const leaves = copyLeaves(start, leafHashes);
  if (leaves.length === 0) return [];
  const size = start + leaves.length;
  const stored: NodeReader = (level, index) => copyHash(reader(level, index), 'tree_invalid', 'node');
  return rowsAbove(start, leaves, stored).flatMap(({ first, hashes }, level) =>
    hashes
      .map((hash, offset) => ({ level, index: first + offset, hash }))
      .filter((node) => isComplete(node, size) && !isComplete(node, start)),
  );
}
