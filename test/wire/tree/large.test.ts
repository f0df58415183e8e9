import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import { limits } from '../../../wire/limits.ts';
import { type FrontierState, grow } from '../../../wire/tree/frontier.ts';
import {
  completedNodes,
  consistencyProof,
  createFrontier,
  inclusionProof,
  type NodeReader,
  subtreeProof,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  verifySubtree,
} from '../../../wire/tree/index.ts';
import { sha256Of, testLeaf } from './rfc6962.ts';

describe('at 2^20 leaves and a few more', () => {
  const SIZE = 2 ** 20 + 5;
  const BATCH = 4_099;

  /** A leaf that costs nothing to make: the tree takes any 32 bytes. */
  function leafAt(index: number): Uint8Array {
    const leaf = new Uint8Array(32);
    leaf.set([index >> 24, index >> 16, index >> 8, index], 28);
    return leaf;
  }

  function nodeOf(left: Uint8Array, right: Uint8Array): Uint8Array {
    return sha256Of(Uint8Array.of(1), left, right);
  }

  /** The complete subtrees of each level, side by side, made without the code under test. */
  function buildLevels(size: number): Uint8Array[] {
    const levels = [new Uint8Array(size * 32)];
    for (let i = 0; i < size; i++) levels[0]?.set(leafAt(i), i * 32);
    const preimage = Uint8Array.of(1, ...new Uint8Array(64));
    for (let below = levels[0] as Uint8Array; below.length >= 64; below = levels.at(-1) as Uint8Array) {
      const level = new Uint8Array(Math.floor(below.length / 64) * 32);
      for (let at = 0; at < level.length; at += 32) {
        preimage.set(below.subarray(2 * at, 2 * at + 64), 1);
        level.set(hash('sha256', preimage, 'buffer'), at);
      }
      levels.push(level);
    }
    return levels;
  }

  it('a frontier, a journal and a verifier agree with an independent tree', { timeout: 60_000 }, async () => {
    const levels = buildLevels(SIZE);
    const reader: NodeReader = (level, index) => {
      const found = levels[level]?.slice(index * 32, (index + 1) * 32);
      if (found?.length !== 32) throw new Error(`(${level}, ${index}) is not complete`);
      return found;
    };
    // 2^20 + 5 leaves are a complete tree of 2^20 with one of 4 and a single leaf to its right.
    const tail = nodeOf(nodeOf(reader(1, 2 ** 19), reader(1, 2 ** 19 + 1)), leafAt(SIZE - 1));
    const root = nodeOf(reader(20, 0), tail);

    const frontier = createFrontier();
    const heads: { size: number; root: Uint8Array }[] = [];
    while (frontier.size < SIZE) {
      const start = frontier.size;
      const end = Math.min(start + BATCH, SIZE);
      const batch = Array.from({ length: end - start }, (_, i) => leafAt(start + i));
      const proofs = frontier.append(batch);
      heads.push({ size: end, root: frontier.root() });
      for (const i of [0, batch.length >> 1, batch.length - 1]) {
        const proof = proofs[i] as readonly Uint8Array[];
        const claim = { leafHash: batch[i] as Uint8Array, index: start + i, size: end, proof, root: frontier.root() };
        expect(await verifyInclusion(nodeSuite, claim)).toBe(true);
      }
    }
    expect(frontier.root()).toEqual(root);
    expect(treeRoot(reader, SIZE)).toEqual(root);

    for (const { size, root: firstRoot } of heads) {
      expect(treeRoot(reader, size)).toEqual(firstRoot);
      const proof = consistencyProof(reader, size, SIZE);
      const claim = { first: size, firstRoot, second: SIZE, secondRoot: root, proof };
      expect(await verifyConsistency(nodeSuite, claim)).toBe(true);
    }
    for (let index = 0; index < SIZE; index += 7_919) {
      const proof = inclusionProof(reader, index, SIZE);
      const claim = { leafHash: leafAt(index), index, size: SIZE, proof, root };
      expect(await verifyInclusion(nodeSuite, claim)).toBe(true);
      expect(await verifyInclusion(nodeSuite, { ...claim, leafHash: leafAt(index + 1) })).toBe(false);
    }
    const last = completedNodes(2 ** 20 - 1, [leafAt(2 ** 20 - 1)], reader);
    expect(last.map(({ level }) => level)).toEqual(Array.from({ length: 21 }, (_, level) => level));
    expect(last.every((node) => Buffer.compare(node.hash, reader(node.level, node.index)) === 0)).toBe(true);
  });
});

/**
 * In a tree of equal leaves all complete subtrees of a level are equal, so that its proofs can be made at any size:
 * this is where arithmetic of 32 bits, or of rounded doubles, would show.
 */
describe('up to the largest tree, with equal leaves', () => {
  const leaf = testLeaf(0);
  const byLevel: Uint8Array[] = [leaf];
  for (let level = 1; level <= 48; level++) {
    const below = byLevel[level - 1] as Uint8Array;
    byLevel.push(sha256Of(Uint8Array.of(1), below, below));
  }
  const reader: NodeReader = (level) => byLevel[level] as Uint8Array;

  /** MTH of the RFC for n equal leaves, split with integers that do not round. */
  function equalRoot(n: bigint): Uint8Array {
    const width = n.toString(2).length;
    const k = 1n << BigInt(width - 1);
    if (n === k) return reader(width - 1, 0);
    return sha256Of(Uint8Array.of(1), reader(width - 1, 0), equalRoot(n - k));
  }

  function stateAt(size: number): FrontierState {
    const bits = size.toString(2);
    return {
      size,
      root: equalRoot(BigInt(size)),
      peaks: [...bits].flatMap((bit, i) => (bit === '1' ? [reader(bits.length - 1 - i, 0)] : [])),
    };
  }

  const sizes = fc.oneof(
    fc.integer({ min: 1, max: limits.treeSize }),
    fc
      .tuple(fc.integer({ min: 1, max: 48 }), fc.integer({ min: -2, max: 2 }))
      .map(([level, near]) => Math.min(Math.max(2 ** level + near, 1), limits.treeSize)),
  );
  const sizeAndPart = sizes.chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })));

  it('a leaf anywhere is proven, by few hashes', async () => {
    await fc.assert(
      fc.asyncProperty(sizeAndPart, async ([size, index]) => {
        const proof = inclusionProof(reader, index, size);
        const root = equalRoot(BigInt(size));
        expect(treeRoot(reader, size)).toEqual(root);
        expect(proof.length).toBeLessThanOrEqual(48);
        expect(await verifyInclusion(nodeSuite, { leafHash: leaf, index, size, proof, root })).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('any two sizes are consistent', async () => {
    await fc.assert(
      fc.asyncProperty(sizeAndPart, async ([second, below]) => {
        const first = below + 1;
        const proof = consistencyProof(reader, first, second);
        const [firstRoot, secondRoot] = [equalRoot(BigInt(first)), equalRoot(BigInt(second))];
        expect(proof.length).toBeLessThanOrEqual(limits.treeProofHashes);
        const claim = { first, firstRoot, second, secondRoot, proof };
        expect(await verifyConsistency(nodeSuite, claim)).toBe(true);
        if (first < second) {
          expect(await verifyConsistency(nodeSuite, { ...claim, firstRoot: secondRoot })).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a complete subtree anywhere is contained', async () => {
    await fc.assert(
      fc.asyncProperty(sizeAndPart, fc.nat({ max: 48 }), async ([size, at], wanted) => {
        const level = Math.min(wanted, size.toString(2).length - 1);
        const index = Number(BigInt(at) >> BigInt(level));
        fc.pre((BigInt(index) + 1n) << BigInt(level) <= BigInt(size));
        const proof = subtreeProof(reader, level, index, size);
        const claim = { level, index, hash: reader(level, 0), size, proof, root: equalRoot(BigInt(size)) };
        expect(await verifySubtree(nodeSuite, claim)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('a frontier grows, and a journal with it', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 9 }), async (start, wanted) => {
        const count = Math.min(wanted, limits.treeSize - start);
        fc.pre(count > 0);
        const size = start + count;
        const batch = Array.from({ length: count }, () => leaf);
        const { state, proofs } = grow(stateAt(start), batch);
        expect(state).toEqual(stateAt(size));
        const root = equalRoot(BigInt(size));
        for (const [i, proof] of proofs.entries()) {
          const claim = { leafHash: leaf, index: start + i, size, proof, root };
          expect(await verifyInclusion(nodeSuite, claim)).toBe(true);
        }
        const nodes = completedNodes(start, batch, reader);
        const countAt = (level: number): bigint => (BigInt(size) >> BigInt(level)) - (BigInt(start) >> BigInt(level));
        for (let level = 0; level <= 48; level++) {
          expect(BigInt(nodes.filter((node) => node.level === level).length)).toBe(countAt(level));
        }
        expect(nodes.every(({ level, hash: node }) => Buffer.compare(node, reader(level, 0)) === 0)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('the last leaf fits and the next one does not', () => {
    const { state } = grow(stateAt(limits.treeSize - 1), [leaf]);
    expect(state).toEqual({ size: limits.treeSize, root: byLevel[48], peaks: [byLevel[48]] });
    const refused = expect.objectContaining({ code: 'tree_invalid' });
    expect(() => grow(state, [leaf])).toThrow(refused);
    expect(() => grow(stateAt(limits.treeSize - 1), [leaf, leaf])).toThrow(refused);
  });

  it('longest proofs cost one hash a level, refused lengths none at all', async () => {
    let hashes = 0;
    const counting: Suite = {
      ...nodeSuite,
      sha256: (data) => {
        hashes += 1;
        return nodeSuite.sha256(data);
      },
    };
    const [size, root] = [limits.treeSize, byLevel[48] as Uint8Array];
    const inclusion = { leafHash: leaf, index: 1, size, proof: inclusionProof(reader, 1, size), root };
    expect(await verifyInclusion(counting, inclusion)).toBe(true);
    expect(hashes).toBe(48);

    hashes = 0;
    const first = size - 1;
    const proof = consistencyProof(reader, first, size);
    const claim = { first, firstRoot: equalRoot(BigInt(first)), second: size, secondRoot: root, proof };
    expect(proof.length).toBe(limits.treeProofHashes);
    expect(await verifyConsistency(counting, claim)).toBe(true);
    expect(hashes).toBeLessThanOrEqual(96);

    hashes = 0;
    const endless = Array.from({ length: 1_000_000 }, () => leaf);
    expect(await verifyInclusion(counting, { ...inclusion, proof: endless })).toBe(false);
    expect(await verifyConsistency(counting, { ...claim, proof: endless })).toBe(false);
    expect(await verifyInclusion(counting, { ...inclusion, proof: inclusion.proof.slice(1) })).toBe(false);
    expect(hashes).toBe(0);
  });
});
