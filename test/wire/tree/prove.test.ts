import { describe, expect, it } from 'vitest';
import { nodeSuite } from '../../../wire/crypto/node.ts';
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
import { naiveTree, testLeaves } from './rfc6962.ts';

const LARGEST = 300;
const EVERY_SPLIT_UP_TO = 72;
const EVERY_PLACE_UP_TO = 90;
const leaves = testLeaves(0, LARGEST);
const naive = naiveTree(leaves);

/** Serves only what a journal at `size` may hold, so that a read beyond it fails the test. */
function readerAt(size: number): NodeReader {
  return (level, index) => {
    const end = (index + 1) * 2 ** level;
    if (end > size) throw new Error(`(${level}, ${index}) is not complete at ${size}`);
    return naive.hash(index * 2 ** level, end);
  };
}

/** Every number below `end` while that is cheap; beyond, both ends and a spread that differs from one `end` to the next. */
function placesBelow(end: number): number[] {
  const places = Array.from({ length: end }, (_, i) => i);
  if (end <= EVERY_PLACE_UP_TO) return places;
  return places.filter((i) => i < 2 || i >= end - 2 || (i * 7 + end) % 31 === 0);
}

function completeNodes(size: number): string[] {
  const names: string[] = [];
  for (let level = 0; 2 ** level <= size; level++) {
    for (let index = 0; (index + 1) * 2 ** level <= size; index++) names.push(`${level},${index}`);
  }
  return names;
}

describe('completed nodes', () => {
  it(`are exactly the newly complete subtrees, for every batch with both ends to ${EVERY_SPLIT_UP_TO}`, () => {
    const complete = Array.from({ length: EVERY_SPLIT_UP_TO + 1 }, (_, size) => new Set(completeNodes(size)));
    for (let start = 0; start <= EVERY_SPLIT_UP_TO; start++) {
      for (let end = start; end <= EVERY_SPLIT_UP_TO; end++) {
        const nodes = completedNodes(start, leaves.slice(start, end), readerAt(start));
        const wanted = [...(complete[end] as Set<string>)].filter((name) => complete[start]?.has(name) !== true);
        expect(nodes.map(({ level, index }) => `${level},${index}`)).toEqual(wanted);
        const wrong = nodes.filter(
          ({ level, index, hash }) => !same(hash, naive.hash(index * 2 ** level, (index + 1) * 2 ** level)),
        );
        expect(wrong).toEqual([]);
      }
    }
  });

  it('are all that a journal needs to prove the log of a frontier', async () => {
    const store = new Map<string, Uint8Array>();
    const reader: NodeReader = (level, index) => {
      const hash = store.get(`${level},${index}`);
      if (hash === undefined) throw new Error('the journal lacks a node');
      return hash;
    };
    const frontier = createFrontier();
    for (let size = 0; size < 200; ) {
      const batch = leaves.slice(size, size + 1 + (size % 7));
      for (const { level, index, hash } of completedNodes(size, batch, reader)) store.set(`${level},${index}`, hash);
      const proofs = frontier.append(batch);
      expect(batch.map((_, i) => inclusionProof(reader, size + i, frontier.size))).toEqual(proofs);
      size += batch.length;
      expect(treeRoot(reader, size)).toEqual(frontier.root());
    }
  });

  it('fill the tree to its last leaf', () => {
    const start = 2 ** 48 - 1;
    const nodes = completedNodes(start, testLeaves(0, 1), () => new Uint8Array(32));
    expect(nodes.map(({ level }) => level)).toEqual(Array.from({ length: 49 }, (_, level) => level));
  });

  const anyNode = (): Uint8Array => new Uint8Array(32);
  it.each<[string, () => unknown, { field?: string }]>([
    ['a full tree', () => completedNodes(2 ** 48, testLeaves(0, 1), anyNode), {}],
    ['leaves that are no hashes', () => completedNodes(0, [new Uint8Array(20)], readerAt(0)), { field: 'leaf' }],
    ['leaves that are no list', () => completedNodes(0, { length: 1 } as never, readerAt(0)), { field: 'leaf' }],
    ['a start that is no size', () => completedNodes(-1, [], readerAt(0)), { field: 'size' }],
    ['a node that is no hash', () => completedNodes(1, testLeaves(1, 2), () => new Uint8Array(31)), { field: 'node' }],
  ])('refuse %s', (_, complete, place) => {
    expect(complete).toThrow(expect.objectContaining({ code: 'tree_invalid', place }));
  });
});

describe("proofs from a journal's nodes", () => {
  it(`have the RFC's root at every size to ${LARGEST}`, () => {
    for (let size = 0; size <= LARGEST; size++) expect(treeRoot(readerAt(size), size)).toEqual(naive.hash(0, size));
  });

  it(`are the RFC's path for leaves of every size to ${LARGEST}, for every leaf to ${EVERY_PLACE_UP_TO}, and verify`, async () => {
    const failed: string[] = [];
    for (let size = 1; size <= LARGEST; size++) {
      const root = naive.hash(0, size);
      const reader = readerAt(size);
      for (const index of placesBelow(size)) {
        const proof = inclusionProof(reader, index, size);
        const claim = { leafHash: leaves[index] as Uint8Array, index, size, proof, root };
        const holds = sameAll(proof, naive.path(index, size)) && (await verifyInclusion(nodeSuite, claim));
        if (!holds) failed.push(`${index} of ${size}`);
      }
    }
    expect(failed).toEqual([]);
  });

  it(`are the RFC's consistency proof into every size to ${LARGEST}, from every size to ${EVERY_PLACE_UP_TO}, and verify`, async () => {
    const failed: string[] = [];
    for (let second = 1; second <= LARGEST; second++) {
      const secondRoot = naive.hash(0, second);
      const reader = readerAt(second);
      for (const first of placesBelow(second).map((place) => place + 1)) {
        const proof = consistencyProof(reader, first, second);
        const claim = { first, firstRoot: naive.hash(0, first), second, secondRoot, proof };
        const holds = sameAll(proof, naive.proof(first, second)) && (await verifyConsistency(nodeSuite, claim));
        if (!holds) failed.push(`${first} in ${second}`);
      }
    }
    expect(failed).toEqual([]);
  });

  it('lead from every complete subtree of every size to 70 to the root', async () => {
    const failed: string[] = [];
    for (let size = 1; size <= 70; size++) {
      for (const name of completeNodes(size)) {
        const [level, index] = name.split(',').map(Number) as [number, number];
        const [start, end] = [index * 2 ** level, (index + 1) * 2 ** level];
        const proof = subtreeProof(readerAt(size), level, index, size);
        const claim = { level, index, hash: naive.hash(start, end), size, proof, root: naive.hash(0, size) };
        const holds = sameAll(proof, naive.subtreePath(start, end, size)) && (await verifySubtree(nodeSuite, claim));
        if (!holds) failed.push(`${name} of ${size}`);
      }
    }
    expect(failed).toEqual([]);
  });

  it('survive a store that uses one buffer for every read', () => {
    const page = Buffer.alloc(32);
    const reader: NodeReader = (level, index) => {
      page.set(readerAt(LARGEST)(level, index));
      return page;
    };
    expect(inclusionProof(reader, 7, LARGEST)).toEqual(naive.path(7, LARGEST));
    expect(consistencyProof(reader, 77, LARGEST)).toEqual(naive.proof(77, LARGEST));
    expect(completedNodes(7, leaves.slice(7, 8), reader).map(({ hash }) => hash)).toEqual([
      naive.hash(7, 8),
      naive.hash(6, 8),
      naive.hash(4, 8),
      naive.hash(0, 8),
    ]);
  });

  const reader = readerAt(LARGEST);
  it.each<[string, () => unknown, string]>([
    ['a leaf beyond the tree', () => inclusionProof(reader, 10, 10), 'index'],
    ['a leaf of the empty tree', () => inclusionProof(reader, 0, 0), 'index'],
    ['a negative index', () => inclusionProof(reader, -1, 10), 'index'],
    ['a fractional index', () => inclusionProof(reader, 0.5, 10), 'index'],
    ['an index that is text', () => inclusionProof(reader, '1' as unknown as number, 10), 'index'],
    ['a size that is not a number', () => inclusionProof(reader, 0, Number.NaN), 'size'],
    ['a size beyond the largest', () => inclusionProof(reader, 0, 2 ** 48 + 1), 'size'],
    ['a root of infinitely many leaves', () => treeRoot(reader, Number.POSITIVE_INFINITY), 'size'],
    ['a second size that is not a number', () => consistencyProof(reader, 3, Number.NaN), 'second'],
    ['a second size beyond the largest', () => consistencyProof(() => new Uint8Array(32), 3, 2 ** 48 + 1), 'second'],
    ['consistency from the empty tree', () => consistencyProof(reader, 0, 10), 'first'],
    ['consistency backwards', () => consistencyProof(reader, 11, 10), 'first'],
    ['a subtree that the edge cuts off', () => subtreeProof(reader, 2, 2, 10), 'index'],
    ['a subtree above the tree', () => subtreeProof(reader, 4, 0, 10), 'index'],
    ['a negative level', () => subtreeProof(reader, -1, 0, 10), 'level'],
    ['a level above every tree', () => subtreeProof(reader, 49, 0, 10), 'level'],
    ['a first size that is not a number', () => consistencyProof(reader, Number.NaN, 3), 'first'],
    ['a subtree in a tree of half a leaf', () => subtreeProof(reader, 0, 0, 0.5), 'size'],
    ['a subtree at half an index', () => subtreeProof(reader, 1, 0.5, 8), 'index'],
    ['a store that gives no hash', () => inclusionProof(() => new Uint8Array(0), 0, 2), 'node'],
  ])('are refused for %s, by the name of what is wrong', (_, prove, field) => {
    expect(prove).toThrow(expect.objectContaining({ code: 'tree_invalid', place: { field } }));
  });
});

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function sameAll(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((hash, i) => same(hash, b[i] as Uint8Array));
}
