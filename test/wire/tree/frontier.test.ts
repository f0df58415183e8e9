import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { type FrontierState, grow } from '../../../wire/tree/frontier.ts';
import { createFrontier } from '../../../wire/tree/index.ts';
import { peaks } from '../../../wire/tree/shape.ts';
import { naiveTree, testLeaves } from './rfc6962.ts';

const LARGEST = 300;
const EVERY_SPLIT_UP_TO = 72;
const leaves = testLeaves(0, LARGEST);
const naive = naiveTree(leaves);

function stateAt(size: number): FrontierState {
  return {
    size,
    root: naive.hash(0, size),
    peaks: peaks(0, size).map(({ level, index }) => naive.hash(index * 2 ** level, (index + 1) * 2 ** level)),
  };
}

describe('frontier', () => {
  it('begins as the empty tree, whose root is the hash of no bytes', () => {
    const frontier = createFrontier();
    expect(frontier.size).toBe(0);
    expect(toHex(frontier.root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it(`has the RFC's root and the newest leaf's path at every size to ${LARGEST}, one leaf at a time`, () => {
    const frontier = createFrontier();
    for (const [i, leaf] of leaves.entries()) {
      const proofs = frontier.append([leaf]);
      expect(frontier.size).toBe(i + 1);
      expect(proofs).toEqual([naive.path(i, i + 1)]);
      expect(frontier.root()).toEqual(naive.hash(0, i + 1));
    }
  });

  it(`proves each leaf of every batch from every size, both ends to ${EVERY_SPLIT_UP_TO}`, () => {
    const paths = Array.from({ length: EVERY_SPLIT_UP_TO + 1 }, (_, size) =>
      Array.from({ length: size }, (_, index) => joined(naive.path(index, size))),
    );
    for (let start = 0; start < EVERY_SPLIT_UP_TO; start++) {
      for (let end = start; end <= EVERY_SPLIT_UP_TO; end++) {
        const { state, proofs } = grow(stateAt(start), leaves.slice(start, end));
        expect(state).toEqual(stateAt(end));
        expect(proofs.map(joined)).toEqual(paths[end]?.slice(start));
      }
    }
  });

  it(`grows in any batches to any size up to ${LARGEST}`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 20 }), (batches) => {
        const frontier = createFrontier();
        for (const wanted of batches) {
          const start = frontier.size;
          const end = Math.min(start + wanted, LARGEST);
          const proofs = frontier.append(leaves.slice(start, end));
          expect(frontier.size).toBe(end);
          expect(frontier.root()).toEqual(naive.hash(0, end));
          expect(proofs.map(joined)).toEqual(
            Array.from({ length: end - start }, (_, i) => joined(naive.path(start + i, end))),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps one hash per 1 bit of its size', () => {
    for (const size of [1, 2, 3, 255, 256, 257]) {
      const { state } = grow(stateAt(0), leaves.slice(0, size));
      expect(state.peaks.length).toBe(size.toString(2).replaceAll('0', '').length);
    }
  });

  it('is changed neither by writes to what went in nor by writes to what came out', () => {
    const frontier = createFrontier();
    const given = testLeaves(0, 5);
    const first = frontier.append(given);
    for (const hash of [...given, ...first.flat(), frontier.root()]) hash.fill(0xee);
    const second = frontier.append(testLeaves(5, 6));
    expect(second).toEqual([naive.path(5, 6)]);
    for (const hash of second.flat()) hash.fill(0xee);
    expect(frontier.root()).toEqual(naive.hash(0, 6));
    frontier.root().fill(0xee);
    expect(frontier.root()).toEqual(naive.hash(0, 6));
  });

  it('takes nothing of a batch that holds something else than hashes', () => {
    const frontier = createFrontier();
    frontier.append(testLeaves(0, 3));
    const good = testLeaves(3, 4);
    const sparse: Uint8Array[] = [...good];
    sparse.length = 2;
    const batches: unknown[] = [
      [...good, new Uint8Array(31)],
      [...good, new Uint8Array(33)],
      [...good, 'a'.repeat(32)],
      [...good, undefined],
      sparse,
      { length: 1 },
      undefined,
    ];
    for (const batch of batches) {
      expect(() => frontier.append(batch as Uint8Array[])).toThrow(expect.objectContaining({ code: 'tree_invalid' }));
      expect(frontier.size).toBe(3);
      expect(frontier.root()).toEqual(naive.hash(0, 3));
    }
  });
});

function joined(proof: readonly Uint8Array[]): string {
  return Buffer.concat(proof).toString('hex');
}
