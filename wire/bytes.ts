import { WireError } from './errors.ts';

/** Text of one spelling only: lower-case hex, unpadded base64url. Uint8Array inside, text at the edge. */

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Compares without an early exit, so that the time does not tell how much of a secret was right. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

export function isZero(bytes: Uint8Array): boolean {
  let bits = 0;
  for (const byte of bytes) bits |= byte;
  return bits === 0;
}

/** Both digits at once: half the pieces to join, and verdicts write many. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] as string;
  return text;
}

/** Accepts lower-case hex of exactly `length` bytes (or any even length when `length` is absent); nothing else. */
export function fromHex(text: string, length?: number): Uint8Array {
  if (text.length % 2 !== 0) throw new WireError('hex_invalid', 'odd number of digits');
  if (length !== undefined && text.length !== 2 * length) {
    throw new WireError('hex_invalid', `expected ${length} bytes, got ${text.length / 2}`);
  }
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i));
    const low = hexDigit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) throw new WireError('hex_invalid', 'not a lower-case hex digit', { offset: 2 * i });
    out[i] = (high << 4) | low;
  }
  return out;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE64URL_VALUE: ReadonlyMap<number, number> = new Map(
  Array.from(BASE64URL, (character, value) => [character.charCodeAt(0), value] as const),
);

export function toBase64url(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += (BASE64URL[group >> 18] as string) + (BASE64URL[(group >> 12) & 63] as string);
    if (left > 1) text += BASE64URL[(group >> 6) & 63] as string;
    if (left > 2) text += BASE64URL[group & 63] as string;
  }
  return text;
}

/** RFC 4648 section 5 without padding; unused trailing bits must be zero, so that one value has one spelling. */
export function fromBase64url(text: string): Uint8Array {
  if (text.length % 4 === 1) throw new WireError('base64url_invalid', 'impossible length');
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let accumulator = 0;
  let bits = 0;
  let offset = 0;
  for (let i = 0; i < text.length; i++) {
    const value = BASE64URL_VALUE.get(text.charCodeAt(i));
    if (value === undefined) throw new WireError('base64url_invalid', 'character outside the alphabet', { offset: i });
    accumulator = ((accumulator << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[offset++] = (accumulator >> bits) & 0xff;
    }
  }
  if ((accumulator & ((1 << bits) - 1)) !== 0) {
    throw new WireError('base64url_invalid', 'unused bits are not zero', { offset: text.length - 1 });
  }
  return out;
}

const encoder = new TextEncoder();

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

export function u32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  writeU32(out, 0, value);
  return out;
}

/** Byte by byte: asking an array for its buffer moves a small one out of the heap. */
export function writeU32(out: Uint8Array, offset: number, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new WireError('integer_out_of_range', `${value} is not a u32`);
  }
  out[offset] = value >>> 24;
  out[offset + 1] = (value >>> 16) & 0xff;
  out[offset + 2] = (value >>> 8) & 0xff;
  out[offset + 3] = value & 0xff;
}

export function readU32(bytes: Uint8Array, offset: number): number {
  if (offset + 4 > bytes.length) throw new WireError('truncated', 'four bytes expected', { offset });
  const [a, b, c, d] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]] as number[] as [
    number,
    number,
    number,
    number,
  ];
  return a * 0x1000000 + ((b << 16) | (c << 8) | d);
}
