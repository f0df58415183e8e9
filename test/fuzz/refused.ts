import { deepStrictEqual } from 'node:assert/strict';
import { isMalformed } from '../../verifier/errors.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';

/** The result of `run`, or undefined when it refused its input as it should; any other exception is a bug. */
export function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** The same for the verifier's parsers, which blame the bytes with codes of their own. */
export function unlessMalformed<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (isMalformed(error)) return undefined;
    throw error;
  }
}

export type Check = (data: Uint8Array) => void;

/** Whatever `decode` accepts is the one encoding of its value. */
export function exact<T>(decode: (data: Uint8Array) => T, encode: (value: T) => Uint8Array): Check {
  return (data) => {
    const value = unlessRefused(() => decode(data));
    if (value !== undefined) deepStrictEqual(encode(value), Uint8Array.from(data));
  };
}

/** Whatever `decode` accepts can be written, and reads as the same value again. */
export function stable<T>(decode: (data: Uint8Array) => T, encode: (value: T) => Uint8Array): Check {
  return (data) => {
    const value = unlessRefused(() => decode(data));
    if (value !== undefined) deepStrictEqual(decode(encode(value)), value);
  };
}

/** The first byte chooses which of several small parsers gets the rest. */
export function oneOfMany(checks: readonly Check[]): Check {
  return (data) => checks[(data[0] ?? 0) % checks.length]?.(data.subarray(1));
}

/** A seed for `oneOfMany`. */
export function forCheck(index: number, data: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(index), data);
}
