import { concatBytes, isZero } from './bytes.ts';
import { WireError } from './errors.ts';

/**
 * DESIGN section 3, "Encoding": every signed or hashed field is one 32-byte big-endian word. Integers and addresses are
 * padded on the left, tags (ASCII) on the right, 32-byte strings are raw. The layout is what a Solidity `bytes32` or
 * `uint256` holds, so a contract hashes the same bytes with `abi.encodePacked`.
 */
export const WORD = 32;

export type WordKind = 'bytes32' | 'uint' | 'address';

/** One field of a fixed layout: its name and how its word is read. `bits` bounds an integer. */
export type WordField<Name extends string = string> =
  | { readonly name: Name; readonly kind: 'bytes32' }
  | { readonly name: Name; readonly kind: 'address' }
  | { readonly name: Name; readonly kind: 'uint'; readonly bits: number };

export type WordValue = Uint8Array | bigint;

/** The TypeScript shape of a layout: integers are bigint, everything else bytes. */
export type WordRecord<Layout extends readonly WordField[]> = {
  readonly [Field in Layout[number] as Field['name']]: Field extends { readonly kind: 'uint' } ? bigint : Uint8Array;
};

export function tagWord(tag: string): Uint8Array {
  const out = new Uint8Array(WORD);
  if (tag.length === 0 || tag.length > WORD) throw new WireError('word_invalid', 'a tag has 1 to 32 characters');
  for (let i = 0; i < tag.length; i++) {
    const code = tag.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) throw new WireError('word_invalid', 'a tag is printable ASCII', { offset: i });
    out[i] = code;
  }
  return out;
}

export function uintWord(value: bigint, bits = 256): Uint8Array {
  const out = new Uint8Array(WORD);
  writeUint(out, 0, value, bits);
  return out;
}

const STEP_BITS = 48n;
const STEP = (1n << STEP_BITS) - 1n;

/** In steps of 48 bits, which a number holds: receipts have a dozen integers each, and most are small. */
export function writeUint(out: Uint8Array, offset: number, value: bigint, bits: number): void {
  if (value < 0n || (value > 0xffn && value >> BigInt(bits) !== 0n)) {
    throw new WireError('integer_out_of_range', `not an unsigned integer of ${bits} bits`);
  }
  let rest = value;
  for (let end = offset + WORD; rest > 0n; end -= 6) {
    let step = Number(rest & STEP);
    for (let place = end - 1; step > 0; place--) {
      out[place] = step % 256;
      step = Math.floor(step / 256);
    }
    rest >>= STEP_BITS;
  }
}

export function addressWord(address: Uint8Array): Uint8Array {
  if (address.length !== 20) throw new WireError('word_invalid', 'an address has 20 bytes');
  return concatBytes(new Uint8Array(12), address);
}

export function bytes32Word(bytes: Uint8Array): Uint8Array {
  // Not `slice`, which of a Buffer gives a view.
  return Uint8Array.from(checked32(bytes));
}

export function readUint(word: Uint8Array): bigint {
  return readUintAt(word, 0, word.length);
}

/** Most integers are small, and a step of a bigint costs more than many of a number: up to 48 bits are one of those. */
function readUintAt(bytes: Uint8Array, offset: number, length = WORD): bigint {
  const end = offset + length;
  let start = offset;
  while (start < end && bytes[start] === 0) start += 1;
  if (start === end) return 0n;
  if (end - start <= 6) {
    let small = 0;
    for (let i = start; i < end; i++) small = small * 256 + (bytes[i] as number);
    return BigInt(small);
  }
  let value = 0n;
  for (let i = start; i < end; i++) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}

export function encodeWords<const Layout extends readonly WordField[]>(
  layout: Layout,
  record: WordRecord<Layout>,
): Uint8Array {
  const values = record as Readonly<Record<string, WordValue>>;
  const out = new Uint8Array(layout.length * WORD);
  let offset = 0;
  for (const field of layout) {
    writeField(out, offset, field, values[field.name]);
    offset += WORD;
  }
  return out;
}

function writeField(out: Uint8Array, offset: number, field: WordField, value: WordValue | undefined): void {
  try {
    if (field.kind === 'uint') {
      if (typeof value !== 'bigint') throw new WireError('word_invalid', 'an integer is a bigint');
      writeUint(out, offset, value, field.bits);
      return;
    }
    if (!(value instanceof Uint8Array)) throw new WireError('word_invalid', 'bytes expected');
    out.set(field.kind === 'address' ? addressWord(value) : checked32(value), offset);
  } catch (error) {
    if (error instanceof WireError) throw new WireError(error.code, error.message, { field: field.name });
    throw error;
  }
}

export function checked32(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== WORD) throw new WireError('word_invalid', `expected 32 bytes, got ${bytes.length}`);
  return bytes;
}

/** Reads exactly one record: other lengths, high bits outside an integer's width and dirty address padding are refused. */
export function decodeWords<const Layout extends readonly WordField[]>(
  layout: Layout,
  bytes: Uint8Array,
): WordRecord<Layout> {
  const length = layout.length * WORD;
  if (bytes.length < length) throw new WireError('truncated', `expected ${length} bytes`, { offset: bytes.length });
  if (bytes.length > length) throw new WireError('trailing_bytes', `expected ${length} bytes`, { offset: length });
  const record: Record<string, WordValue> = {};
  let offset = 0;
  for (const field of layout) {
    record[field.name] = decodeField(field, bytes, offset);
    offset += WORD;
  }
  return record as WordRecord<Layout>;
}

function decodeField(field: WordField, bytes: Uint8Array, offset: number): WordValue {
  // Not `slice`, which of a Buffer gives a view.
  if (field.kind === 'bytes32') return Uint8Array.prototype.slice.call(bytes, offset, offset + WORD);
  if (field.kind === 'address') {
    if (!isZero(bytes.subarray(offset, offset + 12))) {
      throw new WireError('word_invalid', 'address padding is not zero', { field: field.name, offset });
    }
    return Uint8Array.prototype.slice.call(bytes, offset + 12, offset + WORD);
  }
  const value = readUintAt(bytes, offset);
  if (value !== 0n && value >> BigInt(field.bits) !== 0n) {
    throw new WireError('integer_out_of_range', `more than ${field.bits} bits`, { field: field.name, offset });
  }
  return value;
}
