import { fromBase64url, fromHex, utf8 } from '../bytes.ts';
import { WireError } from '../errors.ts';

/**
 * Exact-shape readers for what `parseJson` and `decodeCbor` return. A reader turns an unknown value into a typed one or
 * throws a `WireError` that names the place. Nothing is optional by omission: a shape lists every field, and a field it
 * does not list is refused (DESIGN A8).
 */
export type Reader<T> = (value: unknown, path: string) => T;

export type Shape<T> = { readonly [K in keyof T]: Reader<T[K]> };

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Readers made by `optional`: what `object` may find missing. */
const optionalReaders = new WeakSet<Reader<unknown>>();

export function object<T extends object>(shape: Shape<T>): Reader<T> {
  const fields = Object.entries(shape) as readonly (readonly [string, Reader<unknown>])[];
  const known = new Set(fields.map(([name]) => name));
  return (value, path) => {
    const members = membersOf(value, path);
    for (const name of members.keys()) {
      if (typeof name !== 'string' || !known.has(name)) {
        throw new WireError('field_unknown', 'no such field', { field: join(path, String(name)) });
      }
    }
    const record: Record<string, unknown> = {};
    for (const [name, read] of fields) {
      if (members.has(name)) record[name] = read(members.get(name), join(path, name));
      else if (optionalReaders.has(read)) record[name] = null;
      else throw new WireError('field_missing', 'required', { field: join(path, name) });
    }
    return record as T;
  };
}

/**
 * A field that a format of others lets be absent; it reads as null then. Our own formats name every field and never use
 * this. Only meaningful directly inside `object`.
 */
export function optional<T>(reader: Reader<T>): Reader<T | null> {
  const read: Reader<T | null> = (value, path) => reader(value, path);
  optionalReaders.add(read);
  return read;
}

export function array<T>(item: Reader<T>, bounds: Bounds): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw unexpected('a list', value, path);
    checkCount('items', value.length, bounds, path);
    // Not `map`, which would skip holes and so leave elements unread.
    return Array.from(value as readonly unknown[], (element, index) => item(element, `${path}[${index}]`));
  };
}

/** A map with names chosen by the sender; `key` must match a whole name. */
export function record<T>(key: RegExp, value: Reader<T>, bounds: Bounds): Reader<ReadonlyMap<string, T>> {
  const name = whole(key);
  return (source, path) => {
    const members = membersOf(source, path);
    checkCount('entries', members.size, bounds, path);
    const entries = new Map<string, T>();
    for (const [member, content] of members) {
      if (typeof member !== 'string' || !name.test(member)) {
        throw invalid(`the name does not match ${key.source}`, join(path, String(member)));
      }
      entries.set(member, value(content, join(path, member)));
    }
    return entries;
  };
}

/** Bounds count UTF-8 bytes; `pattern` must match the whole text. */
export function text(bounds: Bounds & { readonly pattern?: RegExp }): Reader<string> {
  const pattern = bounds.pattern === undefined ? undefined : whole(bounds.pattern);
  return (value, path) => {
    if (typeof value !== 'string') throw unexpected('text', value, path);
    checkCount('bytes', byteCount(value, bounds), bounds, path);
    if (LONE_SURROGATE.test(value)) throw invalid('lone surrogate', path);
    if (pattern !== undefined && !pattern.test(value)) throw invalid(`does not match ${pattern.source}`, path);
    return value;
  };
}

/**
 * A UTF-16 unit has one to three bytes in UTF-8. So most texts are known to fit, and an absurd one not to, before they are
 * encoded; where it is not known by that, they are.
 */
function byteCount(value: string, { min, max }: Bounds): number {
  const { length } = value;
  return length > max || (length >= min && 3 * length <= max) ? length : utf8(value).length;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

export function integer(bounds: Bounds): Reader<number> {
  return (value, path) => {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw unexpected('an integer', value, path);
    const number = value as number;
    if (number < bounds.min || number > bounds.max) throw invalid(`not in ${bounds.min}..${bounds.max}`, path);
    return number;
  };
}

/** An unsigned CBOR integer. JSON carries such integers as text: see `decimal`. */
export function uint(bits: number): Reader<bigint> {
  return (value, path) => {
    if (typeof value !== 'bigint' && (!Number.isSafeInteger(value) || Object.is(value, -0))) {
      throw unexpected('an integer', value, path);
    }
    return checkBits(BigInt(value as bigint | number), bits, path);
  };
}

/** An unsigned integer as JSON carries it: decimal text without sign or leading zeros, so that no reader rounds it. */
export function decimal(bits: number): Reader<bigint> {
  const digits = (2n ** BigInt(bits) - 1n).toString().length;
  return (value, path) => {
    if (typeof value !== 'string') throw unexpected('decimal text', value, path);
    if (value.length > digits || !/^(?:0|[1-9][0-9]*)$/.test(value)) throw invalid('not a decimal integer', path);
    return checkBits(BigInt(value), bits, path);
  };
}

/** A CBOR byte string of an exact length or within bounds. */
export function bytes(bounds: number | Bounds): Reader<Uint8Array> {
  return (value, path) => {
    if (!(value instanceof Uint8Array)) throw unexpected('bytes', value, path);
    checkCount('bytes', value.length, asBounds(bounds), path);
    return value;
  };
}

/** Bytes as JSON carries them: lower-case hex. */
export function hexBytes(bounds: number | Bounds): Reader<Uint8Array> {
  return encodedBytes('hex text', bounds, (value) => value.length / 2, fromHex);
}

/** Bytes as JSON carries them: unpadded base64url. */
export function base64urlBytes(bounds: number | Bounds): Reader<Uint8Array> {
  return encodedBytes('base64url text', bounds, (value) => Math.floor((value.length * 3) / 4), fromBase64url);
}

function encodedBytes(
  expected: string,
  bounds: number | Bounds,
  lengthOf: (value: string) => number,
  decode: (value: string) => Uint8Array,
): Reader<Uint8Array> {
  return (value, path) => {
    if (typeof value !== 'string') throw unexpected(expected, value, path);
    checkCount('bytes', lengthOf(value), asBounds(bounds), path);
    try {
      return decode(value);
    } catch (error) {
      if (error instanceof WireError) throw invalid(error.message, path);
      throw error;
    }
  };
}

export function boolean(): Reader<boolean> {
  return (value, path) => {
    if (typeof value !== 'boolean') throw unexpected('true or false', value, path);
    return value;
  };
}

export function literal<const T extends string | number | boolean | null>(value: T): Reader<T> {
  return (found, path) => {
    if (!Object.is(found, value)) throw invalid(`must be ${JSON.stringify(value)}`, path);
    return value;
  };
}

export function oneOf<const T extends readonly string[]>(values: T): Reader<T[number]> {
  return (value, path) => {
    if (typeof value !== 'string' || !values.includes(value)) {
      throw invalid(`must be one of ${values.join(', ')}`, path);
    }
    return value;
  };
}

/** Tries `first`, then `second`. The error names what both said. */
export function either<A, B>(first: Reader<A>, second: Reader<B>): Reader<A | B> {
  return (value, path) => {
    try {
      return first(value, path);
    } catch (refusedFirst) {
      if (!(refusedFirst instanceof WireError)) throw refusedFirst;
      try {
        return second(value, path);
      } catch (refusedSecond) {
        if (!(refusedSecond instanceof WireError)) throw refusedSecond;
        throw invalid(`neither form fits (${refusedFirst.message}; ${refusedSecond.message})`, path);
      }
    }
  };
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value, path) => (value === null ? null : reader(value, path));
}

/** The members of a CBOR map or a plain JSON object. Own members only, so that no name reaches a prototype. */
function membersOf(value: unknown, path: string): ReadonlyMap<unknown, unknown> {
  if (value instanceof Map) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw unexpected('an object', value, path);
  }
  return new Map(Object.entries(value));
}

function whole(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, ''));
}

function asBounds(bounds: number | Bounds): Bounds {
  return typeof bounds === 'number' ? { min: bounds, max: bounds } : bounds;
}

function checkCount(what: string, count: number, bounds: Bounds, path: string): void {
  if (count >= bounds.min && count <= bounds.max) return;
  const expected = bounds.min === bounds.max ? `${bounds.min}` : `${bounds.min} to ${bounds.max}`;
  throw invalid(`expected ${expected} ${what}, got ${count}`, path);
}

function checkBits(value: bigint, bits: number, path: string): bigint {
  if (value < 0n || value >> BigInt(bits) !== 0n) throw invalid(`not an unsigned integer of ${bits} bits`, path);
  return value;
}

/** Names chosen by a stranger are quoted and cut: a path ends up in logs. */
function join(path: string, name: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) return `${path}[${JSON.stringify(name.slice(0, 64))}]`;
  return path === '' ? name : `${path}.${name}`;
}

function invalid(detail: string, path: string): WireError {
  return new WireError('field_invalid', detail, { field: path });
}

function unexpected(expected: string, value: unknown, path: string): WireError {
  return invalid(`expected ${expected}, got ${describe(value)}`, path);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Map) return 'a map';
  return typeof value === 'number' && !Number.isSafeInteger(value) ? 'a fraction' : typeof value;
}
