import { concatBytes } from '../../wire/bytes.ts';
import { joinPeaks, rowsAbove } from '../../wire/tree/nodes.ts';
import { peaks } from '../../wire/tree/shape.ts';
import { firstNode, TILE_BYTES, TILE_WIDTH } from '../../wire/tree/tiles.ts';
import { tileKey } from './keys.ts';
import type { Put, StoreReader } from './store.ts';
import { tileReader } from './tiles.ts';

/** What of a tree is needed to add to it. */
export interface Grown {
  readonly size: number;
  readonly root: Uint8Array;
  /** The complete subtrees that make up the tree, by their level. */
  readonly peaks: ReadonlyMap<number, Uint8Array>;
}

/** The same of a stored tree, with what its rows end with: kept between commits, since all of it changes with each. */
export interface Tail extends Grown {
  /** Of each stored level the tile at the right edge, where it is not full. */
  readonly edges: readonly Uint8Array[];
}

const NONE = new Uint8Array(0);

export function readTail(reader: StoreReader, log: Uint8Array, size: number): Tail {
  const node = tileReader(reader, log, size);
  const edges: Uint8Array[] = [];
  for (let width = size; width > 0; width = Math.floor(width / TILE_WIDTH)) {
    const index = Math.floor(width / TILE_WIDTH);
    edges.push(width % TILE_WIDTH === 0 ? NONE : (reader.get('tiles', tileKey(log, edges.length, index)) ?? NONE));
  }
  const found = peaks(0, size).map(({ level, index }) => [level, node(level, index)] as const);
  return { size, root: joinPeaks(found.map(([, hash]) => hash)), peaks: new Map(found), edges };
}

/** The tree with more leaves; `hashes` are those that each stored level gains by them. */
export function growTail(
  tail: Grown,
  leaves: readonly Uint8Array[],
): { readonly tail: Grown; readonly hashes: readonly (readonly Uint8Array[])[] } {
  if (leaves.length === 0) return { tail, hashes: [] };
  const size = tail.size + leaves.length;
  const rows = rowsAbove(tail.size, leaves, (level) => tail.peaks.get(level) as Uint8Array);
  const at = (level: number, index: number): Uint8Array => {
    const row = rows[level] as (typeof rows)[number];
    return row.hashes[index - row.first] as Uint8Array;
  };
  const hashes: (readonly Uint8Array[])[] = [];
  for (let tileLevel = 0; ; tileLevel++) {
    const { level } = firstNode({ level: tileLevel, index: 0 });
    const [before, after] = [tail.size, size].map((leaf) => Math.floor(leaf / 2 ** level)) as [number, number];
    if (after === before) break;
    hashes.push(Array.from({ length: after - before }, (_, i) => at(level, before + i)));
  }
  const found = peaks(0, size).map(({ level, index }) => [level, at(level, index)] as const);
  return { tail: { size, root: at(rows.length - 1, 0), peaks: new Map(found) }, hashes };
}

/** The rows that change with these hashes, and what is left open at the right edge. */
export function tilePuts(
  log: Uint8Array,
  tail: Pick<Tail, 'size' | 'edges'>,
  hashes: readonly (readonly Uint8Array[])[],
): { readonly puts: readonly Put[]; readonly edges: readonly Uint8Array[] } {
  const edges = [...tail.edges];
  const puts: Put[] = [];
  for (const [tileLevel, added] of hashes.entries()) {
    let open = concatBytes(edges[tileLevel] ?? NONE, ...added);
    let index = Math.floor(tail.size / TILE_WIDTH ** (tileLevel + 1));
    for (; open.length >= TILE_BYTES; index++) {
      puts.push({ table: 'tiles', key: tileKey(log, tileLevel, index), value: open.slice(0, TILE_BYTES) });
      open = open.slice(TILE_BYTES);
    }
    if (open.length > 0) puts.push({ table: 'tiles', key: tileKey(log, tileLevel, index), value: open });
    edges[tileLevel] = open;
  }
  return { puts, edges };
}
