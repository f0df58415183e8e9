import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * The arithmetic of an RFC 6962 tree, without any hashing. The node (level, index) covers the leaves from
 * index * 2^level up to, but not including, (index + 1) * 2^level. It is complete when the tree holds all of them. The
 * last node of a level may be cut off at the tree's right edge; its hash is the RFC's hash of the leaves that are there.
 * Sizes reach 2^48, so bit operators (32 bits wide) have no place here: powers of two divide doubles exactly.
 */
export interface NodePlace {
  readonly level: number;
  readonly index: number;
}

/** A neighbour on the way to the root, and the side on which its hash stands. */
export interface Sibling extends NodePlace {
  readonly side: 'left' | 'right';
}

export const HASH_BYTES = 32;
export const TOP_LEVEL: number = Math.log2(limits.treeSize);

const NODE_PREFIX: Uint8Array = Uint8Array.of(1);

/** What is hashed for an inner node: the prefix keeps it apart from every leaf, request and response (DESIGN section 4). */
export function nodePreimage(left: Uint8Array, right: Uint8Array): Uint8Array {
  return concatBytes(NODE_PREFIX, left, right);
}

/** The neighbours that a complete node meets on its way to the root, lowest first: RFC 6962 section 2.1.1, unrolled. */
export function siblings(node: NodePlace, size: number): readonly Sibling[] {
  const path: Sibling[] = [];
  let { level, index } = node;
  let last = Math.ceil(size / 2 ** level) - 1;
  while (last > 0) {
    if (index % 2 === 1) path.push({ side: 'left', level, index: index - 1 });
    else if (index < last) path.push({ side: 'right', level, index: index + 1 });
    level += 1;
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return path;
}

/** The largest complete node that ends where a tree of `size` > 0 leaves ends. */
export function lastCompleteNode(size: number): NodePlace {
  let level = 0;
  let index = size;
  while (index % 2 === 0) {
    level += 1;
    index /= 2;
  }
  return { level, index: index - 1 };
}

/** The complete nodes that make up the leaves from `start` to the right edge, widest (leftmost) first. */
export function peaks(start: number, size: number): readonly NodePlace[] {
  const found: NodePlace[] = [];
  let end = size;
  while (end > start) {
    const last = lastCompleteNode(end);
    found.unshift(last);
    end -= 2 ** last.level;
  }
  return found;
}

export function isComplete(node: NodePlace, size: number): boolean {
  return (node.index + 1) * 2 ** node.level <= size;
}

export function checkCount(value: number, field: string): void {
  if (!Number.isInteger(value) || value < 0 || value > limits.treeSize) {
    throw new WireError('tree_invalid', 'not a number of leaves', { field });
  }
}

export function checkLevel(level: number): void {
  if (!Number.isInteger(level) || level < 0 || level > TOP_LEVEL) {
    throw new WireError('tree_invalid', 'not a level of a tree', { field: 'level' });
  }
}

/** Copies: a caller's array, or a store's page that is reused after the read, must not change under a proof. */
export function copyHash(hash: Uint8Array, code: 'tree_invalid' | 'proof_invalid', field: string): Uint8Array {
  if (!(hash instanceof Uint8Array) || hash.length !== HASH_BYTES) {
    throw new WireError(code, 'a hash has 32 bytes', { field });
  }
  return new Uint8Array(hash);
}
