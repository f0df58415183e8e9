import { utf8 } from '../../../wire/bytes.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../../wire/message/checkpoint.ts';
import { parseTilePath, tilePath } from '../../../wire/tree/tiles.ts';
import { golden } from '../golden.ts';
import { exact, forCheck, oneOfMany } from '../refused.ts';

/** What public readers of a log send and get as text: one spelling for each tile, and for each signed head. */
const textOf = (data: Uint8Array): string => Buffer.from(data).toString('utf8');

export const fuzz: (data: Uint8Array) => void = oneOfMany([
  exact(
    (data) => parseTilePath(textOf(data)),
    (tile) => utf8(tilePath(tile)),
  ),
  exact(
    (data) => decodeCheckpoint(textOf(data)),
    (checkpoint) => utf8(encodeCheckpoint(checkpoint)),
  ),
]);

export const seeds: readonly Uint8Array[] = [
  forCheck(0, utf8('tile/0/x001/x234/067')),
  forCheck(0, utf8('tile/1/017.p/112')),
  forCheck(0, utf8('tile/6/000.p/1')),
  forCheck(
    1,
    utf8(encodeCheckpoint({ head: golden.head, signature: golden.headSignature, keyId: Uint8Array.of(1, 2, 3, 4) })),
  ),
];
