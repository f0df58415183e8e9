import { WireError, type WireErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';
import { findInvalidUtf8 } from './utf8.ts';

/** What a format lets its sender write. Everything else about CBOR is fixed: see `scanCbor`. */
export interface CborProfile {
  readonly maxBytes: number;
  /** AWS writes Nitro payloads as indefinite-length maps since late 2025 (verifier-checks, fact 1). */
  readonly maps: 'definite' | 'definite-or-indefinite';
  /** `deterministic` is RFC 8949 section 4.2.1: bytewise ascending encoded keys. */
  readonly order: 'deterministic' | 'any';
}

/** What the decoder behind the scan needs to know about the document. */
export interface CborScan {
  /** An integer of eight bytes occurs: the decoder gives a bigint even where a number is exact. */
  readonly hasWideIntegers: boolean;
}

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;
const BREAK = 0xff;

interface Cursor {
  readonly bytes: Uint8Array;
  readonly profile: CborProfile;
  offset: number;
  items: number;
  hasWideIntegers: boolean;
  /** The head read last: its major type and argument; the argument is -1 for an indefinite length. */
  major: number;
  argument: number;
}

/**
 * Walks one document without building a value and refuses everything that two decoders could read differently: tags,
 * floats and simple values other than false, true and null, heads longer than needed, duplicate keys, keys that are
 * neither integers nor text, malformed UTF-8, indefinite arrays and strings, trailing bytes, and sizes or depths beyond
 * `limits`. cbor-x accepts most of these (attack-cases, "Measured on the packages"). Recursion ends at
 * `limits.nestingDepth`.
 */
export function scanCbor(bytes: Uint8Array, profile: CborProfile): CborScan {
  if (bytes.length > profile.maxBytes) {
    throw new WireError('too_large', `${bytes.length} bytes where ${profile.maxBytes} are allowed`);
  }
  const cursor: Cursor = { bytes, profile, offset: 0, items: 0, hasWideIntegers: false, major: 0, argument: 0 };
  scanItem(cursor, 0);
  if (cursor.offset !== bytes.length) refuse('trailing_bytes', 'more follows the document', cursor.offset);
  return { hasWideIntegers: cursor.hasWideIntegers };
}

/** Returns the item's major type. */
function scanItem(cursor: Cursor, depth: number): number {
  const start = cursor.offset;
  readHead(cursor);
  const { major, argument } = cursor;
  if (++cursor.items > limits.cborItems) refuse('cbor_items', `more than ${limits.cborItems} items`, start);
  switch (major) {
    case MAJOR.unsigned:
    case MAJOR.negative:
    case MAJOR.simple:
      break;
    case MAJOR.bytes:
    case MAJOR.text:
      scanString(cursor, start, major, argument);
      break;
    case MAJOR.array:
      scanArray(cursor, start, argument, depth + 1);
      break;
    default:
      scanMap(cursor, start, argument, depth + 1);
  }
  return major;
}

/** Reads a head and refuses what no profile admits, so that `major` is never a tag or a float afterwards. */
function readHead(cursor: Cursor): void {
  const { bytes } = cursor;
  const start = cursor.offset;
  const initial = byteAt(cursor, start);
  const major = initial >> 5;
  const info = initial & 0x1f;
  cursor.major = major;
  if (major === MAJOR.tag) refuse('cbor_tag', 'tags are refused', start);
  if (major === MAJOR.simple) {
    if (initial === BREAK) refuse('cbor_malformed', 'a break without an indefinite map', start);
    if (info < 20 || info > 22) refuse('cbor_type', 'only false, true and null are allowed', start);
    cursor.offset = start + 1;
    return;
  }
  if (info < 24) {
    cursor.offset = start + 1;
    cursor.argument = info;
    return;
  }
  if (info === 31) {
    scanIndefinite(cursor, major, start);
    return;
  }
  if (info > 27) refuse('cbor_malformed', `additional information ${info} is reserved`, start);
  const width = 1 << (info - 24);
  if (bytes.length - start - 1 < width) refuse('truncated', 'the head is cut off', bytes.length);
  let argument = 0;
  for (let i = 1; i <= width; i++) argument = argument * 256 + (bytes[start + i] as number);
  // Exact below 2^53; above, only "not below 2^32" and "beyond the input" are asked, which rounding cannot change.
  if (argument < (SMALLEST_OF_WIDTH[info - 24] as number)) {
    refuse('cbor_not_minimal', 'the head is longer than needed', start);
  }
  if (width === 8) cursor.hasWideIntegers = true;
  cursor.argument = argument;
  cursor.offset = start + 1 + width;
}

/** The smallest argument that needs one, two, four or eight bytes after the initial byte. */
const SMALLEST_OF_WIDTH = [24, 0x100, 0x10000, 0x100000000] as const;

function scanIndefinite(cursor: Cursor, major: number, start: number): void {
  if (major < MAJOR.bytes) refuse('cbor_malformed', 'an integer has no indefinite form', start);
  if (major !== MAJOR.map || cursor.profile.maps === 'definite') {
    refuse('cbor_indefinite', 'an indefinite length is not allowed here', start);
  }
  cursor.argument = -1;
  cursor.offset = start + 1;
}

function scanString(cursor: Cursor, start: number, major: number, length: number): void {
  const { bytes, offset } = cursor;
  if (length > bytes.length - offset) refuse('truncated', `a string of ${length} bytes is cut off`, start);
  const end = offset + length;
  cursor.offset = end;
  if (major === MAJOR.bytes) return;
  const invalid = findInvalidUtf8(bytes, offset, end);
  if (invalid >= 0) refuse('cbor_utf8', 'malformed UTF-8', invalid);
  // cbor-x drops a byte order mark from text longer than 64 bytes, so that two keys could become one.
  if (length >= 3 && bytes[offset] === 0xef && bytes[offset + 1] === 0xbb && bytes[offset + 2] === 0xbf) {
    refuse('cbor_utf8', 'text starts with a byte order mark', offset);
  }
}

function scanArray(cursor: Cursor, start: number, count: number, depth: number): void {
  checkContainer(cursor, start, count, depth);
  for (let i = 0; i < count; i++) scanItem(cursor, depth);
}

function scanMap(cursor: Cursor, start: number, count: number, depth: number): void {
  checkContainer(cursor, start, 2 * count, depth);
  const keys = createKeyCheck(cursor);
  for (let i = 0; count < 0 ? byteAt(cursor, cursor.offset) !== BREAK : i < count; i++) {
    const keyStart = cursor.offset;
    const major = scanItem(cursor, depth);
    if (major > MAJOR.negative && major !== MAJOR.text) {
      refuse('cbor_type', 'a key is an integer or text', keyStart);
    }
    keys.add(keyStart, cursor.offset);
    if (count < 0 && byteAt(cursor, cursor.offset) === BREAK) {
      refuse('cbor_malformed', 'a key without a value', cursor.offset);
    }
    scanItem(cursor, depth);
  }
  if (count < 0) cursor.offset++;
  keys.finish();
}

function checkContainer(cursor: Cursor, start: number, members: number, depth: number): void {
  if (depth > limits.nestingDepth) refuse('cbor_depth', `nested deeper than ${limits.nestingDepth}`, start);
  if (members > cursor.bytes.length - cursor.offset) {
    refuse('truncated', `${members} members are declared and fewer bytes follow`, start);
  }
}

interface KeyCheck {
  add(start: number, end: number): void;
  finish(): void;
}

/** Minimal heads and well-formed text make equal keys equal bytes, so duplicates are found without decoding. */
function createKeyCheck(cursor: Cursor): KeyCheck {
  return cursor.profile.order === 'deterministic' ? createOrderCheck(cursor.bytes) : createTwinCheck(cursor.bytes);
}

function createOrderCheck(bytes: Uint8Array): KeyCheck {
  let previousStart = 0;
  let previousEnd = 0;
  return {
    add(start, end) {
      const order = compareRanges(bytes, previousStart, previousEnd, start, end);
      if (order === 0) refuse('cbor_duplicate_key', 'the key occurs twice', start);
      if (order > 0) refuse('cbor_key_order', 'keys are not in bytewise order', start);
      previousStart = start;
      previousEnd = end;
    },
    finish() {},
  };
}

/** Keys in any order: sorted once at the end of the map, since comparing all pairs would be quadratic. */
function createTwinCheck(bytes: Uint8Array): KeyCheck {
  const ranges: (readonly [start: number, end: number])[] = [];
  return {
    add(start, end) {
      ranges.push([start, end]);
    },
    finish() {
      ranges.sort((a, b) => compareRanges(bytes, a[0], a[1], b[0], b[1]));
      ranges.reduce<readonly [number, number] | undefined>((previous, range) => {
        if (previous !== undefined && compareRanges(bytes, previous[0], previous[1], range[0], range[1]) === 0) {
          refuse('cbor_duplicate_key', 'the key occurs twice', Math.max(previous[0], range[0]));
        }
        return range;
      }, undefined);
    },
  };
}

function compareRanges(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < length; i++) {
    const difference = (bytes[aStart + i] as number) - (bytes[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}

function byteAt(cursor: Cursor, offset: number): number {
  const byte = cursor.bytes[offset];
  if (byte === undefined) refuse('truncated', 'the document is cut off', cursor.bytes.length);
  return byte;
}

function refuse(code: WireErrorCode, detail: string, offset: number): never {
  throw new WireError(code, detail, { offset });
}
