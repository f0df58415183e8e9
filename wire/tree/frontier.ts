import { copyLeaves, joinPeaks, type Row, rowsAbove } from './nodes.ts';
import { peaks } from './shape.ts';

/**
 * A log that only grows and remembers O(log n) hashes: the worker's side of DESIGN section 4. Not made to be restored:
 * a key epoch is a process lifetime.
 */
export interface Frontier {
  readonly size: number;
  root(): Uint8Array;
  /** Gives each new leaf's inclusion proof in the tree after the whole batch. Proofs of one batch share their arrays. */
  append(leafHashes: readonly Uint8Array[]): readonly (readonly Uint8Array[])[];
}

/** A tree's size, root, and the hash of each complete subtree that it falls into, widest first: one per 1 bit of the size. */
export interface FrontierState {
  readonly size: number;
  readonly root: Uint8Array;
  readonly peaks: readonly Uint8Array[];
}

export function createFrontier(): Frontier {
  let state: FrontierState = { size: 0, root: joinPeaks([]), peaks: [] };
  return {
    get size() {
      return state.size;
    },
    root: () => new Uint8Array(state.root),
    append: (leafHashes) => {
      const grown = grow(state, leafHashes);
      state = grown.state;
      return grown.proofs;
    },
  };
}

/** The step itself, without a process around it, so that a test can take it in a tree too large to build. */
export function grow(
  before: FrontierState,
  leafHashes: readonly Uint8Array[],
): { readonly state: FrontierState; readonly proofs: readonly (readonly Uint8Array[])[] } {
  const leaves = copyLeaves(before.size, leafHashes);
  if (leaves.length === 0) return { state: before, proofs: [] };
  const size = before.size + leaves.length;
  const oldPeaks = new Map(peaks(0, before.size).map(({ level }, i) => [level, before.peaks[i] as Uint8Array]));
  const rows = rowsAbove(before.size, leaves, (level) => oldPeaks.get(level) as Uint8Array);
  return {
    state: {
      size,
      // Copied: the arrays in proofs belong to the caller from here on, and a write to one must not change the log.
      root: copyOf(rows, rows.length - 1, 0),
      peaks: peaks(0, size).map(({ level, index }) => copyOf(rows, level, index)),
    },
    proofs: leaves.map((_, i) => pathThrough(rows, before.size + i)),
  };
}

function copyOf(rows: readonly Row[], level: number, index: number): Uint8Array {
  const { first, hashes } = rows[level] as Row;
  return new Uint8Array(hashes[index - first] as Uint8Array);
}

/** A leaf's inclusion proof: its neighbour in every row, except where the right edge leaves none. */
function pathThrough(rows: readonly Row[], leaf: number): readonly Uint8Array[] {
  const path: Uint8Array[] = [];
  let index = leaf;
  for (const { first, hashes } of rows) {
    const neighbour = hashes[(index % 2 === 1 ? index - 1 : index + 1) - first];
    if (neighbour !== undefined) path.push(neighbour);
    index = Math.floor(index / 2);
  }
  return path;
}
