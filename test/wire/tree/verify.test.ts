import { describe, expect, it } from 'vitest';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import {
  type ConsistencyClaim,
  type InclusionClaim,
  type SubtreeClaim,
  verifyConsistency,
  verifyInclusion,
  verifySubtree,
} from '../../../wire/tree/index.ts';
import { naiveTree, testLeaves } from './rfc6962.ts';

const leaves = testLeaves(0, 40);
const naive = naiveTree(leaves);

function inclusion(index: number, size: number): InclusionClaim {
  const leafHash = leaves[index] as Uint8Array;
  return { leafHash, index, size, proof: naive.path(index, size), root: naive.hash(0, size) };
}

function consistency(first: number, second: number): ConsistencyClaim {
  const proof = naive.proof(first, second);
  return { first, firstRoot: naive.hash(0, first), second, secondRoot: naive.hash(0, second), proof };
}

function subtree(level: number, index: number, size: number): SubtreeClaim {
  const [start, end] = [index * 2 ** level, (index + 1) * 2 ** level];
  const proof = naive.subtreePath(start, end, size);
  return { level, index, hash: naive.hash(start, end), size, proof, root: naive.hash(0, size) };
}

function flipped(hash: Uint8Array, bit: number): Uint8Array {
  const out = Uint8Array.from(hash);
  out[bit >> 3] = (out[bit >> 3] as number) ^ (1 << (bit & 7));
  return out;
}

function everyFlip(hash: Uint8Array): Uint8Array[] {
  return Array.from({ length: 256 }, (_, bit) => flipped(hash, bit));
}

/** Every proof that differs from the right one in one bit, by one hash more or less, or by two hashes changing places. */
function wrongProofs(proof: readonly Uint8Array[], strays: readonly Uint8Array[]): Uint8Array[][] {
  const wrong: Uint8Array[][] = [];
  for (const [i, hash] of proof.entries()) {
    for (const other of everyFlip(hash)) wrong.push(proof.with(i, other));
    wrong.push(proof.toSpliced(i, 1));
    for (const [j, other] of proof.entries()) if (j > i) wrong.push(proof.with(i, other).with(j, hash));
  }
  for (let i = 0; i <= proof.length; i++) for (const stray of strays) wrong.push(proof.toSpliced(i, 0, stray));
  return wrong;
}

async function accepted<Claim>(
  verify: (suite: Suite, claim: Claim) => Promise<boolean>,
  claims: readonly Claim[],
): Promise<Claim[]> {
  const verdicts = await Promise.all(claims.map((claim) => verify(nodeSuite, claim)));
  return claims.filter((_, i) => verdicts[i] === true);
}

describe('inclusion', () => {
  it.each([1, 2, 3, 5, 8, 11])('is refused for every change to the proof, leaf or root, size %i', async (size) => {
    for (let index = 0; index < size; index++) {
      const right = inclusion(index, size);
      expect(await verifyInclusion(nodeSuite, right)).toBe(true);
      const strays = [new Uint8Array(32), right.leafHash, right.root];
      const wrong: InclusionClaim[] = [
        ...wrongProofs(right.proof, strays).map((proof) => ({ ...right, proof })),
        ...everyFlip(right.leafHash).map((leafHash) => ({ ...right, leafHash })),
        ...everyFlip(right.root).map((root) => ({ ...right, root })),
      ];
      expect(await accepted(verifyInclusion, wrong)).toEqual([]);
    }
  });

  it('is refused at every other index, and in every other tree', async () => {
    for (let size = 1; size <= 20; size++) {
      for (let index = 0; index < size; index++) {
        const right = inclusion(index, size);
        const elsewhere = Array.from({ length: 40 }, (_, other) => ({ ...right, index: other }));
        expect((await accepted(verifyInclusion, elsewhere)).map((claim) => claim.index)).toEqual([index]);
        const otherTrees = Array.from({ length: 40 }, (_, i) => i + 1)
          .filter((other) => other !== size)
          .map((other) => ({ ...right, size: other, root: naive.hash(0, other) }));
        expect(await accepted(verifyInclusion, otherTrees)).toEqual([]);
      }
    }
  });

  it('does not by itself tell the size: a head signs size and root together for that reason', async () => {
    expect(await verifyInclusion(nodeSuite, { ...inclusion(0, 3), size: 4 })).toBe(true);
  });

  it('is false, not an error, in the empty tree and beyond the edge', async () => {
    expect(await verifyInclusion(nodeSuite, { ...inclusion(0, 1), size: 0 })).toBe(false);
    expect(await verifyInclusion(nodeSuite, { ...inclusion(0, 1), index: 1 })).toBe(false);
    expect(await verifyInclusion(nodeSuite, { ...inclusion(0, 1), index: 2 ** 48, size: 2 ** 48 })).toBe(false);
  });
});

describe('consistency', () => {
  const pairs = [
    [1, 2],
    [1, 7],
    [2, 3],
    [3, 4],
    [4, 7],
    [5, 8],
    [6, 8],
    [6, 13],
    [7, 13],
    [8, 13],
    [11, 16],
    [12, 13],
  ] as const;

  it.each(pairs)('of %i with %i leaves is refused for every change to the proof or a root', async (first, second) => {
    const right = consistency(first, second);
    expect(await verifyConsistency(nodeSuite, right)).toBe(true);
    const strays = [new Uint8Array(32), right.firstRoot, right.secondRoot];
    const wrong: ConsistencyClaim[] = [
      ...wrongProofs(right.proof, strays).map((proof) => ({ ...right, proof })),
      ...everyFlip(right.firstRoot).map((firstRoot) => ({ ...right, firstRoot })),
      ...everyFlip(right.secondRoot).map((secondRoot) => ({ ...right, secondRoot })),
    ];
    expect(await accepted(verifyConsistency, wrong)).toEqual([]);
  });

  it('is refused for another first size or another pair of sizes with their right roots', async () => {
    for (const [first, second] of pairs) {
      const right = consistency(first, second);
      const otherFirst = Array.from({ length: second }, (_, i) => ({ ...right, first: i + 1 }));
      expect((await accepted(verifyConsistency, otherFirst)).map((claim) => claim.first)).toEqual([first]);
      const otherPairs = pairs
        .filter(([a, b]) => a !== first || b !== second)
        .map(([a, b]) => ({ ...consistency(a, b), proof: right.proof }));
      expect(await accepted(verifyConsistency, otherPairs)).toEqual([]);
    }
  });

  it('holds for one size only with one root and no proof', async () => {
    const right = consistency(5, 5);
    expect(right.proof).toEqual([]);
    expect(await verifyConsistency(nodeSuite, right)).toBe(true);
    expect(await verifyConsistency(nodeSuite, { ...right, secondRoot: naive.hash(0, 6) })).toBe(false);
    expect(await verifyConsistency(nodeSuite, { ...right, proof: [right.firstRoot] })).toBe(false);
  });

  it('is false from the empty tree and backwards', async () => {
    expect(
      await verifyConsistency(nodeSuite, { ...consistency(1, 1), first: 0, firstRoot: sha256(new Uint8Array(0)) }),
    ).toBe(false);
    expect(await verifyConsistency(nodeSuite, { ...consistency(3, 5), second: 2 })).toBe(false);
  });

  it('catches a log that changed, lost or moved an old leaf', async () => {
    const histories: Record<string, Uint8Array[]> = {
      changed: leaves.with(2, testLeaves(99, 100)[0] as Uint8Array),
      lost: leaves.toSpliced(4, 1),
      moved: leaves.with(0, leaves[1] as Uint8Array).with(1, leaves[0] as Uint8Array),
    };
    for (const history of Object.values(histories)) {
      const forked = naiveTree(history);
      for (let second = 7; second <= 20; second++) {
        const secondRoot = forked.hash(0, second);
        for (const proof of [forked.proof(6, second), naive.proof(6, second)]) {
          const claim = { first: 6, firstRoot: naive.hash(0, 6), second, secondRoot, proof };
          expect(await verifyConsistency(nodeSuite, claim)).toBe(false);
        }
      }
    }
  });
});

describe('subtree', () => {
  it('is refused for every change to the proof, hash or root', async () => {
    for (const [level, index, size] of [
      [0, 4, 5],
      [1, 1, 7],
      [2, 1, 13],
      [2, 2, 13],
      [3, 0, 13],
      [3, 0, 8],
    ] as const) {
      const right = subtree(level, index, size);
      expect(await verifySubtree(nodeSuite, right)).toBe(true);
      const strays = [new Uint8Array(32), right.hash, right.root];
      const wrong: SubtreeClaim[] = [
        ...wrongProofs(right.proof, strays).map((proof) => ({ ...right, proof })),
        ...everyFlip(right.hash).map((hash) => ({ ...right, hash })),
        ...everyFlip(right.root).map((root) => ({ ...right, root })),
      ];
      expect(await accepted(verifySubtree, wrong)).toEqual([]);
    }
  });

  it('is refused at every other place of the same tree', async () => {
    const right = subtree(1, 2, 13);
    const places = Array.from({ length: 5 }, (_, level) =>
      Array.from({ length: 13 }, (_, index) => ({ ...right, level, index })),
    ).flat();
    expect((await accepted(verifySubtree, places)).map(({ level, index }) => [level, index])).toEqual([[1, 2]]);
  });

  it('is false when the edge cuts it off, even with the hash of what is there', async () => {
    const cut = {
      level: 2,
      index: 2,
      hash: naive.hash(8, 10),
      size: 10,
      proof: [naive.hash(0, 8)],
      root: naive.hash(0, 10),
    };
    expect(await verifySubtree(nodeSuite, cut)).toBe(false);
    expect(await verifySubtree(nodeSuite, { ...cut, level: 48, index: 2 ** 48 })).toBe(false);
  });

  it('convicts a worker of two histories: one place, two hashes, two signed heads', async () => {
    const forked = naiveTree(leaves.with(5, testLeaves(99, 100)[0] as Uint8Array));
    const here = subtree(2, 1, 11);
    const there: SubtreeClaim = {
      ...here,
      hash: forked.hash(4, 8),
      size: 14,
      proof: forked.subtreePath(4, 8, 14),
      root: forked.hash(0, 14),
    };
    expect(await accepted(verifySubtree, [here, there])).toEqual([here, there]);
    expect(here.hash).not.toEqual(there.hash);
    expect(await verifySubtree(nodeSuite, { ...there, hash: here.hash })).toBe(false);
  });
});

describe('what is no claim at all', () => {
  const one = inclusion(2, 5);
  const two = consistency(3, 5);
  const three = subtree(1, 1, 5);
  const short = new Uint8Array(31);
  const text = 'ab'.repeat(16) as unknown as Uint8Array;

  const ofInclusion = (wrong: object): Promise<boolean> => verifyInclusion(nodeSuite, { ...one, ...wrong });
  const ofConsistency = (wrong: object): Promise<boolean> => verifyConsistency(nodeSuite, { ...two, ...wrong });
  const ofSubtree = (wrong: object): Promise<boolean> => verifySubtree(nodeSuite, { ...three, ...wrong });

  it.each<[string, () => Promise<boolean>, string]>([
    ['a short leaf', () => ofInclusion({ leafHash: short }), 'hash'],
    ['a long root', () => ofInclusion({ root: new Uint8Array(33) }), 'root'],
    ['a leaf as text', () => ofInclusion({ leafHash: text }), 'hash'],
    ['a short hash in a proof', () => ofInclusion({ proof: one.proof.with(1, short) }), 'proof'],
    ['text in a proof', () => ofInclusion({ proof: one.proof.with(0, text) }), 'proof'],
    ['a proof that is one array of bytes', () => ofInclusion({ proof: short }), 'proof'],
    ['a proof that only claims a length', () => ofInclusion({ proof: { length: 3 } }), 'proof'],
    ['a short first root', () => ofConsistency({ firstRoot: short }), 'firstRoot'],
    ['a short second root', () => ofConsistency({ secondRoot: short }), 'secondRoot'],
    ['a short start of a consistency proof', () => ofConsistency({ proof: two.proof.with(0, short) }), 'proof'],
    ['a proof of one size that is no list', () => ofConsistency({ ...consistency(5, 5), proof: null }), 'proof'],
    ['a short subtree', () => ofSubtree({ hash: short }), 'hash'],
  ])('%s is proof_invalid, by its name', async (_, verify, field) => {
    await expect(verify()).rejects.toMatchObject({ code: 'proof_invalid', place: { field } });
  });

  it.each<[string, () => Promise<boolean>, string]>([
    ['a negative index', () => ofInclusion({ index: -1 }), 'index'],
    ['a fractional index', () => ofInclusion({ index: 1.5 }), 'index'],
    ['a bigint index', () => ofInclusion({ index: 2n }), 'index'],
    ['a size that is not a number', () => ofInclusion({ size: Number.NaN }), 'size'],
    ['a size beyond the largest', () => ofInclusion({ size: 2 ** 48 + 1 }), 'size'],
    ['a size as text', () => ofConsistency({ first: '3' }), 'first'],
    ['an infinite size', () => ofConsistency({ second: Number.POSITIVE_INFINITY }), 'second'],
    ['a negative level', () => ofSubtree({ level: -1 }), 'level'],
    ['a level above every tree', () => ofSubtree({ level: 49 }), 'level'],
    ['a fractional level', () => ofSubtree({ level: 0.5 }), 'level'],
    ['a subtree at a fractional index', () => ofSubtree({ index: 0.5 }), 'index'],
    ['a subtree in a tree of no size', () => ofSubtree({ size: -1 }), 'size'],
  ])('%s is tree_invalid, by its name', async (_, verify, field) => {
    await expect(verify()).rejects.toMatchObject({ code: 'tree_invalid', place: { field } });
  });
});

describe('verification with a suite that answers later', () => {
  const slow: Suite = {
    ...nodeSuite,
    sha256: async (data) => new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(data))),
  };

  it('gives the same verdicts', async () => {
    expect(await verifyInclusion(slow, inclusion(6, 13))).toBe(true);
    expect(await verifyInclusion(slow, { ...inclusion(6, 13), index: 7 })).toBe(false);
    expect(await verifyConsistency(slow, consistency(6, 13))).toBe(true);
    expect(await verifyConsistency(slow, { ...consistency(6, 13), first: 7 })).toBe(false);
    expect(await verifySubtree(slow, subtree(1, 2, 13))).toBe(true);
  });

  it('judges the claim as it was when asked, whatever is written to it meanwhile', async () => {
    const one = structuredClone(inclusion(6, 13));
    const two = structuredClone(consistency(6, 13));
    const verdicts = [verifyInclusion(slow, one), verifyConsistency(slow, two)];
    for (const hash of [one.leafHash, one.root, ...one.proof]) hash.fill(0);
    for (const hash of [two.firstRoot, two.secondRoot, ...two.proof]) hash.fill(0);
    expect(await Promise.all(verdicts)).toEqual([true, true]);
  });
});
