import { deepStrictEqual } from 'node:assert/strict';
import { fromHex } from '../../../wire/bytes.ts';
import { type CborProfile, decodeCbor, encodeCbor, strictCbor } from '../../../wire/codec/cbor.ts';
import { unlessRefused } from '../refused.ts';

const MAX = 65_536;
const lenient: CborProfile = { maxBytes: MAX, maps: 'definite-or-indefinite', order: 'any' };

/** What the strict profile accepts is the only encoding of its value; what the lenient one accepts has a strict form. */
export function fuzz(data: Uint8Array): void {
  const strict = unlessRefused(() => decodeCbor(data, strictCbor(MAX)));
  if (strict !== undefined) deepStrictEqual(encodeCbor(strict), Uint8Array.from(data));
  const loose = unlessRefused(() => decodeCbor(data, lenient));
  if (strict !== undefined) deepStrictEqual(loose, strict);
  // The order of a map's entries is no part of this comparison.
  if (loose !== undefined) deepStrictEqual(decodeCbor(encodeCbor(loose), strictCbor(MAX)), loose);
}

export const seeds: readonly Uint8Array[] = [
  '',
  'a26161016162820203',
  'bf6162f56161bf0102ffff',
  '8a00181819012c1a000111701b000001000000000020390123f4f5f6',
  '8464f09085916043010203a0',
  'a7001818190100391b00000200000000003b00000000ffffffff60616102',
  'a16770637273bf005830000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000ff',
].map((hex) => fromHex(hex));
