import { utf8 } from '../../../../../../wire/bytes.ts';
import type { Datatype } from '../../../../../../wire/message/tensor.ts';

/** What is wrong with the text of one element, as the end of a sentence about it. */
export interface CellProblem {
  readonly cell: number;
  readonly detail: string;
}

export type EncodedCells = { readonly data: Uint8Array } | CellProblem;

/** Writes the value that a text stands for, or says what it is not. */
type Write = (view: DataView, offset: number, text: string) => string | undefined;

interface Element {
  readonly size: number;
  readonly write: Write;
}

const elements: { readonly [Type in Exclude<Datatype, 'BYTES'>]: Element } = {
  BOOL: {
    size: 1,
    write: (view, offset, text) => {
      const value = TRUTHS.get(text.toLowerCase());
      if (value === undefined) return 'is neither true nor false';
      view.setUint8(offset, value);
      return undefined;
    },
  },
  UINT8: whole(1, 'UINT8', (view, offset, value) => view.setUint8(offset, Number(value))),
  UINT16: whole(2, 'UINT16', (view, offset, value) => view.setUint16(offset, Number(value), true)),
  UINT32: whole(4, 'UINT32', (view, offset, value) => view.setUint32(offset, Number(value), true)),
  UINT64: whole(8, 'UINT64', (view, offset, value) => view.setBigUint64(offset, value, true)),
  INT8: whole(1, 'INT8', (view, offset, value) => view.setInt8(offset, Number(value))),
  INT16: whole(2, 'INT16', (view, offset, value) => view.setInt16(offset, Number(value), true)),
  INT32: whole(4, 'INT32', (view, offset, value) => view.setInt32(offset, Number(value), true)),
  INT64: whole(8, 'INT64', (view, offset, value) => view.setBigInt64(offset, value, true)),
  FP16: float(2, (view, offset, value) => view.setUint16(offset, smallFloat(value, HALF), true)),
  BF16: float(2, (view, offset, value) => view.setUint16(offset, smallFloat(value, BFLOAT), true)),
  FP32: float(4, (view, offset, value) => view.setFloat32(offset, value, true)),
  FP64: float(8, (view, offset, value) => view.setFloat64(offset, value, true)),
};

const TRUTHS: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['1', 1],
  ['false', 0],
  ['0', 0],
]);

/** As a person writes them, and as `cellText` does. */
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?$/i;

/** The bytes of a tensor whose elements are written as these texts. */
export function encodeCells(datatype: Datatype, cells: readonly string[]): EncodedCells {
  if (datatype === 'BYTES') return { data: encodeTexts(cells) };
  const { size, write } = elements[datatype];
  const data = new Uint8Array(size * cells.length);
  const view = new DataView(data.buffer);
  for (const [cell, text] of cells.entries()) {
    const detail = write(view, cell * size, text.trim());
    if (detail !== undefined) return { cell, detail };
  }
  return { data };
}

/** What stands in a field that nobody has written to. */
export function emptyCell(datatype: Datatype): string {
  if (datatype === 'BYTES') return '';
  return datatype === 'BOOL' ? 'false' : '0';
}

/** The shortest text that is read back as the same value. */
export function cellText(datatype: Datatype, value: number | bigint | boolean | Uint8Array): string {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return '-0';
  const rounded = ROUNDING[datatype];
  if (rounded === undefined) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (rounded(short) === rounded(value)) return String(short);
  }
  return String(value);
}

const ROUNDING: Readonly<Partial<Record<Datatype, (value: number) => number>>> = {
  FP32: Math.fround,
  FP16: (value) => smallFloat(value, HALF),
  BF16: (value) => smallFloat(value, BFLOAT),
};

function whole(size: number, name: string, set: (view: DataView, offset: number, value: bigint) => void): Element {
  const bits = BigInt(8 * size);
  const unsigned = name.startsWith('U');
  const least = unsigned ? 0n : -(1n << (bits - 1n));
  const most = unsigned ? (1n << bits) - 1n : (1n << (bits - 1n)) - 1n;
  return {
    size,
    write: (view, offset, text) => {
      if (!/^[+-]?\d{1,20}$/.test(text)) return 'is no whole number';
      const value = BigInt(text.replace(/^\+/, ''));
      if (value < least || value > most) return `is not between ${least} and ${most}`;
      set(view, offset, value);
      return undefined;
    },
  };
}

function float(size: number, set: (view: DataView, offset: number, value: number) => void): Element {
  return {
    size,
    write: (view, offset, text) => {
      const special = SPECIAL.get(text.toLowerCase());
      if (special === undefined && !DECIMAL.test(text)) return 'is no number';
      const value = special ?? Number(text);
      if (special === undefined && !Number.isFinite(value)) return 'is larger than any number of this type';
      set(view, offset, value);
      return undefined;
    },
  };
}

interface SmallFloat {
  /** Bits of each. */
  readonly fraction: number;
  readonly exponent: number;
}

const HALF: SmallFloat = { fraction: 10, exponent: 5 };
const BFLOAT: SmallFloat = { fraction: 7, exponent: 8 };

/** The nearest float of 16 bits, ties to even, as IEEE 754 has it: rounded once, and not by way of a single. */
function smallFloat(value: number, { fraction, exponent }: SmallFloat): number {
  const bias = 2 ** (exponent - 1) - 1;
  const infinity = (2 ** exponent - 1) * 2 ** fraction;
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  if (Number.isNaN(value)) return infinity + 2 ** (fraction - 1);
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign + infinity;
  const place = Math.max(1 - bias, exponentOf(size));
  const steps = roundHalfToEven(size / 2 ** (place - fraction));
  // A subnormal has place 1 - bias and no leading one; one that was rounded up to the next power has it by itself.
  const bits = (place + bias - 1) * 2 ** fraction + steps;
  return sign + Math.min(bits, infinity);
}

function exponentOf(size: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  return ((view.getUint16(0) >> 4) & 0x7ff) - 1_023;
}

function roundHalfToEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

function encodeTexts(cells: readonly string[]): Uint8Array {
  const parts = cells.map((text) => utf8(text));
  const data = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    data.set(part, at + 4);
    at += 4 + part.length;
  }
  return data;
}
