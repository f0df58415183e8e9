import { utf8 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { scanJson } from './json-scan.ts';
import { findInvalidUtf8 } from './utf8.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** For formats of few values and long texts: names cost a hundred times what the bytes of a text do. */
export interface JsonBounds {
  readonly maxBytes: number;
  readonly maxValues: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads JSON that has one meaning for every reader: no duplicate names, no number that a reader would round or turn into
 * infinity, no lone surrogate, no byte order mark (attack-cases P11). Throws nothing but `WireError`.
 */
export function parseJson(bytes: Uint8Array, bounds: number | JsonBounds): JsonValue {
  // A value takes at least a byte, so that this bounds nothing more than the bytes do.
  const { maxBytes, maxValues } = typeof bounds === 'number' ? { maxBytes: bounds, maxValues: bounds } : bounds;
  if (bytes.length > maxBytes) {
    throw new WireError('too_large', `${bytes.length} bytes where ${maxBytes} are allowed`);
  }
  const text = decode(bytes);
  scanJson(text, maxValues);
  // JSON.parse keeps a member named "__proto__" as an own property, so nothing reaches a prototype from here.
  return JSON.parse(text) as JsonValue;
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WireError('json_utf8', 'malformed UTF-8', { offset: findInvalidUtf8(bytes, 0, bytes.length) });
  }
}

/**
 * RFC 8785. Names are sorted by UTF-16 units and numbers written as ECMAScript writes them, which is what `sort` and
 * `JSON.stringify` do; -0 becomes 0. A number beyond 2^53 is written as the RFC says, but `parseJson` refuses it where it
 * looks like an integer.
 */
export function canonicalJson(value: JsonValue): Uint8Array {
  return utf8(canonicalText(value, 0));
}

function canonicalText(value: JsonValue, depth: number): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (typeof value === 'string') return canonicalString(value);
  if (depth === limits.nestingDepth) throw new WireError('json_depth', `nested deeper than ${limits.nestingDepth}`);
  if (Array.isArray(value)) {
    return `[${Array.from(value as readonly JsonValue[], (item) => canonicalText(item, depth + 1)).join(',')}]`;
  }
  if (!isPlainObject(value)) throw new WireError('json_malformed', `${typeof value} has no JSON form`);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${canonicalString(name)}:${canonicalText(value[name] as JsonValue, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function isPlainObject(value: unknown): value is { readonly [key: string]: JsonValue } {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new WireError('json_number', `${value} has no JSON form`);
  return JSON.stringify(value);
}

function canonicalString(value: string): string {
  if (/\p{Surrogate}/u.test(value)) throw new WireError('json_surrogate', 'a lone surrogate has no UTF-8 form');
  return JSON.stringify(value);
}
