import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import {
  completedNodes,
  consistencyProof,
  createFrontier,
  inclusionProof,
  type NodeReader,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../../../wire/tree/index.ts';
import { leafHashOf, naiveTree } from './rfc6962.ts';

/** The reference leaves of Certificate Transparency and the roots published for their first 0 to 8. */
const DATA = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const leaves = DATA.map((data) => leafHashOf(fromHex(data)));
const store = new Map(
  completedNodes(0, leaves, () => {
    throw new Error('nothing was there before');
  }).map(({ level, index, hash }) => [`${level},${index}`, hash]),
);
const reader: NodeReader = (level, index) => store.get(`${level},${index}`) as Uint8Array;

describe('the published Certificate Transparency vectors', () => {
  it('give the roots of a frontier, of a journal and of the naive tree', () => {
    const frontier = createFrontier();
    expect(toHex(frontier.root())).toBe(ROOTS[0]);
    for (const [i, leaf] of leaves.entries()) {
      frontier.append([leaf]);
      expect(toHex(frontier.root())).toBe(ROOTS[i + 1]);
    }
    expect(ROOTS.map((_, size) => toHex(treeRoot(reader, size)))).toEqual(ROOTS);
    expect(ROOTS.map((_, size) => toHex(naiveTree(leaves).hash(0, size)))).toEqual(ROOTS);
  });

  it.each([
    [
      0,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      5,
      8,
      [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
  ] as const)('give the path of leaf %i of %i', async (index, size, published) => {
    const proof = published.map((hash) => fromHex(hash));
    const root = fromHex(ROOTS[size] as string);
    expect(inclusionProof(reader, index, size)).toEqual(proof);
    const claim = { leafHash: leaves[index] as Uint8Array, index, size, proof, root };
    expect(await verifyInclusion(nodeSuite, claim)).toBe(true);
  });

  it('connect every two published roots', async () => {
    for (let second = 1; second <= 8; second++) {
      for (let first = 1; first <= second; first++) {
        const [firstRoot, secondRoot] = [fromHex(ROOTS[first] as string), fromHex(ROOTS[second] as string)];
        const proof = consistencyProof(reader, first, second);
        expect(await verifyConsistency(nodeSuite, { first, firstRoot, second, secondRoot, proof })).toBe(true);
      }
    }
  });

  it('match the example proofs of RFC 6962 section 2.1.3, by name', () => {
    const seven = naiveTree(leaves);
    const [a, b, c, d, e, f, j] = leaves;
    const [g, h, i] = [seven.hash(0, 2), seven.hash(2, 4), seven.hash(4, 6)];
    const [k, l] = [seven.hash(0, 4), seven.hash(4, 7)];
    expect(inclusionProof(reader, 0, 7)).toEqual([b, h, l]);
    expect(inclusionProof(reader, 3, 7)).toEqual([c, g, l]);
    expect(inclusionProof(reader, 4, 7)).toEqual([f, j, k]);
    expect(inclusionProof(reader, 6, 7)).toEqual([i, k]);
    expect(consistencyProof(reader, 3, 7)).toEqual([c, d, g, l]);
    expect(consistencyProof(reader, 4, 7)).toEqual([l]);
    expect(consistencyProof(reader, 6, 7)).toEqual([i, j, k]);
    expect([a, e]).toEqual([leaves[0], leaves[4]]);
  });
});
