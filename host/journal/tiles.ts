import { WireError } from '../../wire/errors.ts';
import { hashNode, type NodeReader } from '../../wire/tree/nodes.ts';
import { HASH_BYTES } from '../../wire/tree/shape.ts';
import { TILE_BYTES, TILE_WIDTH, tileOf } from '../../wire/tree/tiles.ts';
import { JournalError } from './errors.ts';
import { tileKey } from './keys.ts';
import type { StoreReader } from './store.ts';

/**
 * The tree as it is stored: up to 256 neighbouring hashes of one level in one row, of every eighth level. One row for each
 * node would cost more than everything else that a receipt costs here; what lies between two stored levels is hashed when
 * a proof is asked for, at most 255 hashes in each tile on its way.
 */
export function tileReader(reader: StoreReader, log: Uint8Array, size: number): NodeReader {
  const seen = new Map<string, Uint8Array>();
  const read = (level: number, index: number): Uint8Array => {
    const name = `${level}/${index}`;
    const known = seen.get(name) ?? reader.get('tiles', tileKey(log, level, index)) ?? NONE;
    seen.set(name, known);
    return known;
  };
  return (level, index) => {
    try {
      const { tile, from, count } = tileOf({ level, index }, size);
      const hashes = read(tile.level, tile.index).subarray(from * HASH_BYTES, (from + count) * HASH_BYTES);
      if (hashes.length === count * HASH_BYTES) return joined(hashes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    throw new JournalError('journal_failed', `the tree lacks node ${level}/${index}`);
  };
}

/** The hashes of one stored level from `index` on, as far as one row has them. */
export function storedHashes(
  reader: StoreReader,
  log: Uint8Array,
  { tileLevel, index, count }: { readonly tileLevel: number; readonly index: number; readonly count: number },
): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = index; at < index + count; ) {
    const tile = Math.floor(at / TILE_WIDTH);
    const row = reader.get('tiles', tileKey(log, tileLevel, tile)) ?? NONE;
    const hashes = splitHashes(row).slice(at - tile * TILE_WIDTH, index + count - tile * TILE_WIDTH);
    found.push(...hashes);
    if (row.length < TILE_BYTES) break;
    at = (tile + 1) * TILE_WIDTH;
  }
  return found;
}

const NONE = new Uint8Array(0);

function splitHashes(row: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: row.length / HASH_BYTES }, (_, i) => row.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

/** The root over a power of two of neighbours. */
function joined(hashes: Uint8Array): Uint8Array {
  let level: readonly Uint8Array[] = splitHashes(hashes);
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(hashNode(level[i] as Uint8Array, level[i + 1] as Uint8Array));
    level = above;
  }
  return level[0] as Uint8Array;
}
