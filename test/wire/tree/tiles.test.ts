import { describe, expect, it } from 'vitest';
import { limits } from '../../../wire/limits.ts';
import { firstNode, parseTilePath, TILE_BYTES, tileOf, tilePath } from '../../../wire/tree/tiles.ts';

describe('paths of tiles', () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 1, index: 999, width: 1 }, 'tile/1/999.p/1'],
    [{ level: 2, index: 1_000, width: 255 }, 'tile/2/x001/000.p/255'],
    [{ level: 0, index: limits.treeSize / 256 - 1, width: 256 }, 'tile/0/x001/x099/x511/x627/775'],
    [{ level: 6, index: 0, width: 1 }, 'tile/6/000.p/1'],
  ])('writes and reads %j', (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each([
    '',
    'tile/0/',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/-1/000',
    'tile/7/000',
    'tile/63/000',
    'tile/0/x000/000',
    'tile/0/001/000',
    'tile/0/x001',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/',
    'tile/0/000.p/1/',
    'tile/0/x001/x099/x511/x627/776',
    'tile/6/001',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/entries/000',
    '/tile/0/000',
    'tile/0/000\n',
    'tile/0/\u0660\u0660\u0660',
  ])('refuses %j', (path) => {
    expect(() => parseTilePath(path)).toThrow('tree_invalid');
  });

  it.each([
    { level: 0.5, index: 0, width: 1 },
    { level: 0, index: -1, width: 1 },
    { level: 0, index: 0, width: 0 },
    { level: 0, index: 0, width: 257 },
    { level: 0, index: limits.treeSize / 256, width: 1 },
    { level: 7, index: 0, width: 1 },
  ])('does not write %j', (tile) => {
    expect(() => tilePath(tile)).toThrow('tree_invalid');
  });
});

describe('where nodes are', () => {
  /** The example of the specification: 273 full tiles and one of 112; one full and one of 17; one of 1. */
  const SIZE = 70_000;

  it('finds the last leaf and the first subtrees of each tile level', () => {
    expect(TILE_BYTES).toBe(8_192);
    expect(tileOf({ level: 0, index: SIZE - 1 }, SIZE)).toEqual({
      tile: { level: 0, index: 273, width: 112 },
      from: 111,
      count: 1,
    });
    expect(tileOf({ level: 3, index: 1 }, SIZE)).toEqual({
      tile: { level: 0, index: 0, width: 256 },
      from: 8,
      count: 8,
    });
    expect(tileOf({ level: 8, index: 272 }, SIZE)).toEqual({
      tile: { level: 1, index: 1, width: 17 },
      from: 16,
      count: 1,
    });
    expect(tileOf({ level: 16, index: 0 }, SIZE)).toEqual({
      tile: { level: 2, index: 0, width: 1 },
      from: 0,
      count: 1,
    });
    expect(firstNode({ level: 1, index: 1 })).toEqual({ level: 8, index: 256 });
  });

  it.each([
    { level: 0, index: SIZE },
    { level: 4, index: SIZE / 16 },
    { level: 16, index: 1 },
  ])('knows no subtree that is not whole: %j', (node) => {
    expect(() => tileOf(node, SIZE)).toThrow('tree_invalid');
  });
});
