import { Decoder } from 'cbor-x/index-no-eval';
import { concatBytes, utf8 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type CborProfile, scanCbor } from './cbor-scan.ts';

export type { CborProfile } from './cbor-scan.ts';

/**
 * The CBOR that Proofmark speaks (RFC 8949, deterministic encoding where the bytes are hashed: DESIGN section 3). An
 * integer within 2^53 is a number, beyond it a bigint, so that one value has one form in JavaScript too.
 */
export type CborKey = string | number | bigint;
export type CborValue = number | bigint | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap;
export interface CborMap extends ReadonlyMap<CborKey, CborValue> {}

export const strictCbor = (maxBytes: number): CborProfile => ({ maxBytes, maps: 'definite', order: 'deterministic' });

const decoder = new Decoder({ mapsAsObjects: false, useRecords: false, copyBuffers: true });
const NULL = Uint8Array.of(0xf6);

/** Throws nothing but `WireError`. Byte strings are copies: the caller may reuse or erase `bytes`. */
export function decodeCbor(bytes: Uint8Array, profile: CborProfile): CborValue {
  const { hasWideIntegers } = scanCbor(bytes, profile);
  // cbor-x leaves a DataView on the array that it reads, and slices a Buffer into Buffers: it gets a view of its own.
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = decoder.decode(view) as CborValue;
  // cbor-x also keeps the last document reachable until the next one; a request's content must not outlive it (A4).
  decoder.decode(NULL.slice());
  return hasWideIntegers ? narrowIntegers(value) : value;
}

/** cbor-x gives every eight-byte integer as a bigint; those within 2^53 become numbers. Depth was bounded by the scan. */
function narrowIntegers(value: CborValue): CborValue {
  if (typeof value === 'bigint') return narrow(value);
  if (Array.isArray(value)) return value.map(narrowIntegers);
  if (value instanceof Map) {
    return new Map(
      Array.from(value as CborMap, ([key, content]) => [
        typeof key === 'bigint' ? narrow(key) : key,
        narrowIntegers(content),
      ]),
    );
  }
  return value;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * Deterministic encoding. Not cbor-x's: its encoder writes into one buffer shared by the whole process, which would keep
 * what it encoded readable long after (A4), writes floats for integers above 2^32, and does not sort.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  let out = new Uint8Array(FIRST_BYTES);
  let length = 0;
  let items = 0;
  write(value, 0);
  return out.slice(0, length);

  function write(item: CborValue, depth: number): void {
    count(1);
    if (item instanceof Uint8Array) pushString(0x40, item);
    else if (typeof item === 'string') pushString(0x60, encodeText(item));
    else if (typeof item === 'number' || typeof item === 'bigint') pushInteger(item);
    else if (item === null) push(NULL);
    else if (typeof item === 'boolean') push(item ? TRUE : FALSE);
    else if (Array.isArray(item)) writeArray(item, depth + 1);
    else if (item instanceof Map) writeMap(item, depth + 1);
    else throw new WireError('cbor_type', `${typeof item} has no form in this profile`);
  }

  function count(more: number): void {
    items += more;
    if (items > limits.cborItems) throw new WireError('cbor_items', `more than ${limits.cborItems} items`);
  }

  function writeArray(content: readonly CborValue[], depth: number): void {
    checkDepth(depth);
    pushHead(0x80, content.length);
    for (const item of content) write(item, depth);
  }

  function writeMap(map: CborMap, depth: number): void {
    checkDepth(depth);
    count(map.size);
    pushHead(0xa0, map.size);
    const entries = Array.from(map, ([key, content]) => ({ key: encodeKey(key), content }));
    entries.sort((a, b) => compareKeys(a.key, b.key));
    let previous: Uint8Array | undefined;
    for (const { key, content } of entries) {
      if (previous !== undefined && compareKeys(previous, key) === 0) {
        throw new WireError('cbor_duplicate_key', 'a number and a bigint are the same key');
      }
      previous = key;
      push(key);
      write(content, depth);
    }
  }

  function pushString(major: number, content: Uint8Array): void {
    pushHead(major, content.length);
    push(content);
  }

  function pushInteger(value: number | bigint): void {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
      pushHead(0x00, value);
    } else {
      push(encodeInteger(value));
    }
  }

  /** The small ones, which are most, without an array of their own. */
  function pushHead(major: number, argument: number): void {
    if (argument >= 0x10000) {
      push(head(major, argument));
      return;
    }
    reserve(3);
    if (argument < 24) {
      out[length++] = major | argument;
    } else if (argument < 0x100) {
      out[length++] = major | 24;
      out[length++] = argument;
    } else {
      out[length++] = major | 25;
      out[length++] = argument >> 8;
      out[length++] = argument & 0xff;
    }
  }

  function push(bytes: Uint8Array): void {
    reserve(bytes.length);
    out.set(bytes, length);
    length += bytes.length;
  }

  function reserve(more: number): void {
    if (length + more <= out.length) return;
    const larger = new Uint8Array(Math.max(2 * out.length, length + more));
    larger.set(out.subarray(0, length));
    out = larger;
  }
}

/** A receipt with its proof and head fits; what is larger grows. */
const FIRST_BYTES = 2_048;
const TRUE = Uint8Array.of(0xf5);
const FALSE = Uint8Array.of(0xf4);

function checkDepth(depth: number): void {
  if (depth > limits.nestingDepth) throw new WireError('cbor_depth', `nested deeper than ${limits.nestingDepth}`);
}

/** Names of fields, of which there are a few hundred: what others choose as keys is bounded here, and never a content. */
const knownKeys = new Map<string, Uint8Array>();
const KNOWN_KEYS = 1_024;
const KNOWN_KEY_LENGTH = 64;

function encodeKey(key: CborKey): Uint8Array {
  if (typeof key === 'number' || typeof key === 'bigint') return encodeInteger(key);
  if (typeof key !== 'string') throw new WireError('cbor_type', 'a key is an integer or text');
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const content = encodeText(key);
  const encoded = concatBytes(head(0x60, content.length), content);
  if (key.length <= KNOWN_KEY_LENGTH && knownKeys.size < KNOWN_KEYS) knownKeys.set(key, encoded);
  return encoded;
}

function encodeText(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) throw new WireError('cbor_utf8', 'text has a lone surrogate');
  if (text.startsWith('\ufeff')) throw new WireError('cbor_utf8', 'text starts with a byte order mark');
  return utf8(text);
}

function encodeInteger(value: number | bigint): Uint8Array {
  if (typeof value === 'bigint') return value >= 0n ? head(0x00, value) : head(0x20, -1n - value);
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new WireError('cbor_type', `${Object.is(value, -0) ? '-0' : value} is not an exact integer`);
  }
  return value >= 0 ? head(0x00, value) : head(0x20, -1 - value);
}

/** What stands before so many bytes, and before so many items: for what is always laid out in the same way. */
export const byteStringHead = (length: number): Uint8Array => head(0x40, length);
export const arrayHead = (length: number): Uint8Array => head(0x80, length);

/** A head of the shortest form that holds the argument. */
function head(major: number, argument: number | bigint): Uint8Array {
  if (argument < 24) return Uint8Array.of(major | Number(argument));
  const step = argument < 0x100 ? 0 : argument < 0x10000 ? 1 : argument < 0x100000000 ? 2 : 3;
  const width = 1 << step;
  if (width === 1) return Uint8Array.of(major | 24, Number(argument));
  if (width === 2) return Uint8Array.of(major | 25, Number(argument) >> 8, Number(argument) & 0xff);
  const out = new Uint8Array(1 + width);
  const view = new DataView(out.buffer);
  out[0] = major | (24 + step);
  if (width === 4) view.setUint32(1, Number(argument));
  else view.setBigUint64(1, wide(argument));
  return out;
}

function wide(argument: number | bigint): bigint {
  const value = BigInt(argument);
  if (value >> 64n !== 0n) throw new WireError('integer_out_of_range', 'CBOR integers have 64 bits');
  return value;
}

function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
