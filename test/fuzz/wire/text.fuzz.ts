import { deepStrictEqual } from 'node:assert/strict';
import { fromBase64url, fromHex, toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { type Check, unlessRefused } from '../refused.ts';

const codings = [
  { decode: fromHex, encode: toHex },
  { decode: fromBase64url, encode: toBase64url },
] as const;

/** Text for bytes has one spelling, and any bytes have a text. */
export const fuzz: Check = (data) => {
  const text = new TextDecoder('latin1').decode(data);
  for (const { decode, encode } of codings) {
    const bytes = unlessRefused(() => decode(text));
    if (bytes !== undefined) deepStrictEqual(encode(bytes), text);
    deepStrictEqual(decode(encode(data)), Uint8Array.from(data));
  }
};

export const seeds: readonly Uint8Array[] = ['', '00ff', 'Zg', 'Zm8', 'Zm9v', '-_-_', '0g'].map(utf8);
