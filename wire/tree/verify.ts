import { equalBytes } from '../bytes.ts';
import type { Suite } from '../crypto/suite.ts';
import { WireError } from '../errors.ts';
import {
  checkCount,
  checkLevel,
  copyHash,
  isComplete,
  lastCompleteNode,
  type NodePlace,
  nodePreimage,
  type Sibling,
  siblings,
} from './shape.ts';

/**
 * A claim that does not hold gives false. What is no claim at all (a hash of another length, a size that is no count)
 * is an error. Sizes and roots must come from signed heads: an inclusion proof alone does not tell the size that it
 * was made for, because different sizes can share a path.
 */
export interface InclusionClaim {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export interface SubtreeClaim {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
  readonly size: number;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export interface ConsistencyClaim {
  readonly first: number;
  readonly firstRoot: Uint8Array;
  readonly second: number;
  readonly secondRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

export async function verifyInclusion(suite: Suite, claim: InclusionClaim): Promise<boolean> {
  const { leafHash, index, size, proof, root } = claim;
  return verifySubtree(suite, { level: 0, index, hash: leafHash, size, proof, root });
}

/** The tree (size, root) holds the complete subtree (level, index) with this hash: half of an equivocation proof. */
export async function verifySubtree(suite: Suite, claim: SubtreeClaim): Promise<boolean> {
  const { level, index, size } = claim;
  checkLevel(level);
  checkCount(index, 'index');
  checkCount(size, 'size');
  const hash = copyHash(claim.hash, 'proof_invalid', 'hash');
  const root = copyHash(claim.root, 'proof_invalid', 'root');
  const subtree: NodePlace = { level, index };
  if (!isComplete(subtree, size)) return false;
  const path = siblings(subtree, size);
  const proof = copyProof(claim.proof, path.length);
  if (proof === undefined) return false;
  let climbed = hash;
  for (const [i, sibling] of path.entries()) climbed = await join(suite, climbed, sibling, proof[i] as Uint8Array);
  return equalBytes(climbed, root);
}

/**
 * The tree of `second` leaves begins with the tree of `first` leaves. Both trees contain the last complete subtree of
 * the first one: from there, neighbours on the left lead to both roots, neighbours on the right only to the second.
 */
export async function verifyConsistency(suite: Suite, claim: ConsistencyClaim): Promise<boolean> {
  const { first, second } = claim;
  checkCount(first, 'first');
  checkCount(second, 'second');
  const firstRoot = copyHash(claim.firstRoot, 'proof_invalid', 'firstRoot');
  const secondRoot = copyHash(claim.secondRoot, 'proof_invalid', 'secondRoot');
  if (first === 0 || first > second) return false;
  if (first === second) return copyProof(claim.proof, 0) !== undefined && equalBytes(firstRoot, secondRoot);
  const shared = lastCompleteNode(first);
  const path = siblings(shared, second);
  const isWholeFirst = shared.index === 0;
  const proof = copyProof(claim.proof, isWholeFirst ? path.length : path.length + 1);
  if (proof === undefined) return false;
  const [start, ...neighbours] = (isWholeFirst ? [firstRoot, ...proof] : proof) as [Uint8Array, ...Uint8Array[]];
  let older = start;
  let newer = start;
  for (const [i, sibling] of path.entries()) {
    const neighbour = neighbours[i] as Uint8Array;
    if (sibling.side === 'left') older = await join(suite, older, sibling, neighbour);
    newer = await join(suite, newer, sibling, neighbour);
  }
  return equalBytes(older, firstRoot) && equalBytes(newer, secondRoot);
}

async function join(suite: Suite, hash: Uint8Array, { side }: Sibling, neighbour: Uint8Array): Promise<Uint8Array> {
  return suite.sha256(side === 'left' ? nodePreimage(neighbour, hash) : nodePreimage(hash, neighbour));
}

/** Looks at the length before anything else: a proof of a million hashes costs one comparison. */
function copyProof(proof: readonly Uint8Array[], length: number): readonly Uint8Array[] | undefined {
  if (!Array.isArray(proof)) throw new WireError('proof_invalid', 'a proof is a list of hashes', { field: 'proof' });
  if (proof.length !== length) return undefined;
  return Array.from({ length }, (_, i) => copyHash(proof[i] as Uint8Array, 'proof_invalid', 'proof'));
}
