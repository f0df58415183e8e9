import { VerifierError } from '../errors.ts';
import { utcTime } from './time.ts';

/**
 * Strict DER (X.690 sections 8, 10, 11): definite and minimal lengths, one spelling of every value. Each reader below
 * walks a structure that it knows, so depth is fixed by the code and never by the input, and everything that is walked
 * re-encodes to the same bytes.
 */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A context-specific tag: `[number]`, around other elements or in place of a primitive's own tag. */
export function contextTag(number: number, form: 'constructed' | 'primitive'): number {
  return (form === 'constructed' ? 0xa0 : 0x80) | number;
}

export interface DerElement {
  readonly tag: number;
  /** Offset of the tag in the whole input, for error messages. */
  readonly offset: number;
  /** How many bytes tag and length take. */
  readonly header: number;
  readonly contents: Uint8Array;
}

export interface DerCursor {
  /** The next element, which must have this tag. */
  read(tag: number): DerElement;
  /** The next element if it has this tag. */
  readOptional(tag: number): DerElement | undefined;
  /** The next element whatever its tag; single-byte tags only. */
  readAny(): DerElement;
  readonly done: boolean;
  /** Refuses bytes that nobody read. */
  end(): void;
}

interface CursorState extends DerCursor {
  readonly bytes: Uint8Array;
  readonly base: number;
  at: number;
  done: boolean;
}

/** Shared functions on plain state: a certificate takes some forty cursors, and closures would cost more than the walk. */
export function derCursor(bytes: Uint8Array, base = 0): DerCursor {
  const state: CursorState = { bytes, base, at: 0, done: bytes.length === 0, read, readOptional, readAny, end };
  return state;
}

function read(this: CursorState, tag: number): DerElement {
  const found = this.bytes[this.at];
  if (found !== tag) throw derError(`expected tag ${hexTag(tag)}, got ${hexTag(found)}`, this.base + this.at);
  return this.readAny();
}

function readOptional(this: CursorState, tag: number): DerElement | undefined {
  return this.bytes[this.at] === tag ? this.readAny() : undefined;
}

function readAny(this: CursorState): DerElement {
  const element = elementAt(this.bytes, this.at, this.base);
  this.at += element.header + element.contents.length;
  this.done = this.at === this.bytes.length;
  return element;
}

function end(this: CursorState): void {
  if (!this.done) throw derError('trailing bytes', this.base + this.at);
}

/** A cursor over the elements inside a constructed one. */
export function inside(element: DerElement): DerCursor {
  return derCursor(element.contents, contentOffset(element));
}

/** The one element of this tag that makes up all of `bytes`. */
export function onlyElement(bytes: Uint8Array, tag: number, base = 0): DerElement {
  const cursor = derCursor(bytes, base);
  const element = cursor.read(tag);
  cursor.end();
  return element;
}

export function contentOffset(element: DerElement): number {
  return element.offset + element.header;
}

/** Header and contents. A view made on demand, since few elements are wanted whole. */
export function derRaw({ contents, header }: DerElement): Uint8Array {
  return new Uint8Array(contents.buffer, contents.byteOffset - header, header + contents.length);
}

function elementAt(bytes: Uint8Array, at: number, base: number): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw derError('truncated', base + at);
  if ((tag & 0x1f) === 0x1f) throw derError('tags of several bytes are not used in certificates', base + at);
  let length = first;
  let header = 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0) throw derError('indefinite length', base + at);
    // Certificates are far below 64 KiB, so two length bytes are plenty.
    if (count > 2) throw derError('length of more than two bytes', base + at);
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = bytes[at + 2 + i];
      if (byte === undefined) throw derError('truncated', base + at);
      length = length * 256 + byte;
    }
    header = 2 + count;
    if (length < (count === 1 ? 0x80 : 0x100)) throw derError('length is not minimal', base + at);
  }
  const end = at + header + length;
  if (end > bytes.length) throw derError('longer than its container', base + at);
  return { tag, offset: base + at, header, contents: bytes.subarray(at + header, end) };
}

export function derBoolean(element: DerElement): boolean {
  const [value] = element.contents;
  if (element.contents.length !== 1 || (value !== 0x00 && value !== 0xff)) {
    throw derError('BOOLEAN is neither 00 nor ff', element.offset);
  }
  return value === 0xff;
}

/** The two's complement bytes of an INTEGER in minimal form; negative numbers have the top bit set. */
export function derInteger(element: DerElement): Uint8Array {
  const [first, second] = element.contents;
  if (first === undefined) throw derError('empty INTEGER', element.offset);
  if (second !== undefined && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw derError('INTEGER is not minimal', element.offset);
  }
  return element.contents;
}

/** The magnitude of a non-negative INTEGER, without the sign byte. */
export function derUnsigned(element: DerElement): Uint8Array {
  const contents = derInteger(element);
  if ((contents[0] as number) >= 0x80) throw derError('negative INTEGER', element.offset);
  return contents[0] === 0 && contents.length > 1 ? contents.subarray(1) : contents;
}

/** An INTEGER small enough to count with. */
export function derCount(element: DerElement): number {
  const magnitude = derUnsigned(element);
  if (magnitude.length > 2) throw derError('INTEGER is too large here', element.offset);
  return magnitude.reduce((value, byte) => value * 256 + byte, 0);
}

/** A BIT STRING that holds whole bytes, as keys and signatures do. */
export function derBitStringBytes(element: DerElement): Uint8Array {
  if (element.contents[0] !== 0) throw derError('BIT STRING does not hold whole bytes', element.offset);
  return element.contents.subarray(1);
}

/** Whether zero bits may end a named-bit list: DER leaves them out, and AMD's intermediate certificates have one. */
export type TrailingZeroBits = 'refused' | 'allowed';

/** A named-bit list (X.690 section 11.2.2): unused bits are zero and trailing zero bits are left out. Bit 0 comes first. */
export function derNamedBits(element: DerElement, trailing: TrailingZeroBits = 'refused'): readonly boolean[] {
  const { contents } = element;
  const unused = contents[0];
  const last = contents[contents.length - 1];
  if (unused === undefined || last === undefined || unused > 7 || contents.length < 2) {
    throw derError('malformed bit list', element.offset);
  }
  const endsInZero = (last & (1 << unused)) === 0;
  if ((last & ((1 << unused) - 1)) !== 0 || (endsInZero && trailing === 'refused')) {
    throw derError('bit list is not minimal', element.offset);
  }
  const bits: boolean[] = [];
  for (let at = 8; at < 8 * contents.length; at++) {
    bits.push((((contents[at >> 3] as number) >> (7 - (at & 7))) & 1) === 1);
  }
  return bits;
}

/** Dotted text of an OBJECT IDENTIFIER. */
export function derOid(element: DerElement): string {
  let text = '';
  let value = 0;
  let fresh = true;
  for (const byte of element.contents) {
    if (fresh && byte === 0x80) throw derError('OBJECT IDENTIFIER is not minimal', element.offset);
    value = value * 128 + (byte & 0x7f);
    if (value > 0xffffffff) throw derError('OBJECT IDENTIFIER arc is too large', element.offset);
    fresh = byte < 0x80;
    if (!fresh) continue;
    text += text === '' ? firstArcs(value) : `.${value}`;
    value = 0;
  }
  if (!fresh || text === '') throw derError('truncated OBJECT IDENTIFIER', element.offset);
  return text;
}

/** X.690 section 8.19.4: the first two arcs share one number; only the arc 2 has room for more than 40 below it. */
function firstArcs(value: number): string {
  const root = Math.min(Math.floor(value / 40), 2);
  return `${root}.${value - 40 * root}`;
}

export function derNull(element: DerElement): void {
  if (element.contents.length !== 0) throw derError('NULL with contents', element.offset);
}

/**
 * RFC 5280 section 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050, both to the second and in Z. Returns
 * milliseconds since 1970.
 */
export function derTime(element: DerElement): number {
  const { contents, tag } = element;
  const rest = tag === derTag.utcTime ? 2 : 4;
  if (contents.length !== rest + 11 || contents[rest + 10] !== LETTER_Z || !isDigits(contents.subarray(0, -1))) {
    const text = ascii(contents.subarray(0, 20));
    throw timeError(`not a date to the second in Z: ${JSON.stringify(text)}`, element);
  }
  const pair = (at: number): number => 10 * digit(contents, at) + digit(contents, at + 1);
  const written = tag === derTag.utcTime ? pair(0) : 100 * pair(0) + pair(2);
  const year = tag === derTag.utcTime ? written + (written < 50 ? 2000 : 1900) : written;
  if (tag === derTag.generalizedTime && year < 2050) throw timeError('belongs in a UTCTime', element);
  const time = utcTime(year, pair(rest), pair(rest + 2), pair(rest + 4), pair(rest + 6), pair(rest + 8));
  if (time === undefined) throw timeError('no such date', element);
  return time;
}

const LETTER_Z = 0x5a;
const DIGIT_0 = 0x30;

function isDigits(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= DIGIT_0 && byte <= DIGIT_0 + 9);
}

function digit(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) - DIGIT_0;
}

export function ascii(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function derError(detail: string, offset: number): VerifierError {
  return new VerifierError('der_invalid', detail, { checkId: 'C1', offset });
}

function timeError(detail: string, element: DerElement): VerifierError {
  return new VerifierError('certificate_time', detail, { checkId: 'C1', offset: element.offset });
}

function hexTag(tag: number | undefined): string {
  return tag === undefined ? 'nothing' : `0x${tag.toString(16).padStart(2, '0')}`;
}
