import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { HASH_BYTES, type NodePlace } from './shape.ts';

/**
 * The tree as C2SP's tlog-tiles cuts it up for readers who compute proofs themselves: a tile of level L holds up to 256
 * neighbouring hashes of the tree's level 8 L, each of a complete subtree. Entry bundles are not served: a receipt goes
 * to whoever knows its requestId.
 */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** 256, or fewer at the right edge of a tree of some size. */
  readonly width: number;
}

const TILE_LEVELS = 8;
export const TILE_WIDTH: number = 2 ** TILE_LEVELS;
export const TILE_BYTES: number = TILE_WIDTH * HASH_BYTES;
/** A tree of 2^48 leaves fills levels 0 to 5, and its root is the one hash of level 6. */
const TOP_TILE_LEVEL = Math.log2(limits.treeSize) / TILE_LEVELS;

const PATH = /^tile\/([0-9])\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** The path of a tile below a log's prefix: `tile/0/x001/x234/067`, with `.p/W` for one of less than full width. */
export function tilePath({ level, index, width }: Tile): string {
  checkTile({ level, index, width });
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(`${groups.length === 0 ? '' : 'x'}${String(rest % 1_000).padStart(3, '0')}`);
    rest = Math.floor(rest / 1_000);
  } while (rest > 0);
  return `tile/${level}/${groups.join('/')}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Accepts the one spelling that `tilePath` has for each tile. */
export function parseTilePath(path: string): Tile {
  const [, level, groups, width] = PATH.exec(path) ?? [];
  if (level === undefined || groups === undefined) throw new WireError('tree_invalid', 'not the path of a tile');
  const tile: Tile = {
    level: Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  checkTile(tile);
  if (tilePath(tile) !== path) throw new WireError('tree_invalid', 'not the shortest path of a tile');
  return tile;
}

function checkTile({ level, index, width }: Tile): void {
  const known =
    Number.isInteger(level) && level >= 0 && level <= TOP_TILE_LEVEL && Number.isInteger(width) && width >= 1;
  const last = known ? Math.ceil(limits.treeSize / 2 ** (TILE_LEVELS * (level + 1))) - 1 : -1;
  if (!known || width > TILE_WIDTH || !Number.isInteger(index) || index < 0 || index > last) {
    throw new WireError('tree_invalid', 'no tree has such a tile');
  }
}

/** The first node of a tile; the others follow it on the same level. */
export function firstNode({ level, index }: Pick<Tile, 'level' | 'index'>): NodePlace {
  return { level: level * TILE_LEVELS, index: index * TILE_WIDTH };
}

/**
 * Where a complete node of a tree of `size` leaves is found: the tile, as wide as that tree has it, and the hashes in it
 * that the node covers. They are joined pairwise, as in the tree, to give the node's own hash.
 */
export function tileOf(
  node: NodePlace,
  size: number,
): { readonly tile: Tile; readonly from: number; readonly count: number } {
  const level = Math.floor(node.level / TILE_LEVELS);
  const count = 2 ** (node.level - level * TILE_LEVELS);
  const first = node.index * count;
  const index = Math.floor(first / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, Math.floor(size / 2 ** (TILE_LEVELS * level)) - index * TILE_WIDTH);
  const from = first - index * TILE_WIDTH;
  if (from + count > width) throw new WireError('tree_invalid', 'the tree does not hold all of that subtree');
  return { tile: { level, index, width }, from, count };
}
