import { utf8 } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

/** The datatypes of the Open Inference Protocol. */
export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'BF16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/**
 * One value in one form: `data` is little-endian and row-major, a BOOL is one byte 0 or 1, an element of BYTES is a u32
 * little-endian length and its bytes.
 */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

type ElementValue = number | bigint | boolean;

interface Element {
  readonly size: number;
  read(view: DataView, offset: number): ElementValue;
  /** Writes a JSON value, or returns false where the datatype has no such value. Absent: JSON cannot carry the type. */
  readonly writeJson?: (view: DataView, offset: number, value: unknown) => boolean;
}

const elements: { readonly [Type in Exclude<Datatype, 'BYTES'>]: Element } = {
  BOOL: {
    size: 1,
    read: (view, offset) => view.getUint8(offset) === 1,
    writeJson: (view, offset, value) => {
      if (typeof value !== 'boolean') return false;
      view.setUint8(offset, value ? 1 : 0);
      return true;
    },
  },
  UINT8: integerElement(1, 0, 0xff, 'Uint8'),
  UINT16: integerElement(2, 0, 0xffff, 'Uint16'),
  UINT32: integerElement(4, 0, 0xffffffff, 'Uint32'),
  UINT64: wideElement(0, 'BigUint64'),
  INT8: integerElement(1, -0x80, 0x7f, 'Int8'),
  INT16: integerElement(2, -0x8000, 0x7fff, 'Int16'),
  INT32: integerElement(4, -0x80000000, 0x7fffffff, 'Int32'),
  INT64: wideElement(-Number.MAX_SAFE_INTEGER, 'BigInt64'),
  FP16: { size: 2, read: (view, offset) => halfToNumber(view.getUint16(offset, true)) },
  BF16: { size: 2, read: (view, offset) => bfloatToNumber(view.getUint16(offset, true)) },
  FP32: {
    size: 4,
    read: (view, offset) => view.getFloat32(offset, true),
    writeJson: (view, offset, value) => {
      // A finite double can still be infinite as a single.
      if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) return false;
      view.setFloat32(offset, value, true);
      return true;
    },
  },
  FP64: {
    size: 8,
    read: (view, offset) => view.getFloat64(offset, true),
    writeJson: (view, offset, value) => {
      if (typeof value !== 'number') return false;
      view.setFloat64(offset, value, true);
      return true;
    },
  },
};

export const datatypes: readonly Datatype[] = [...(Object.keys(elements) as Exclude<Datatype, 'BYTES'>[]), 'BYTES'];

function integerElement(
  size: number,
  min: number,
  max: number,
  form: 'Uint8' | 'Uint16' | 'Uint32' | 'Int8' | 'Int16' | 'Int32',
): Element {
  return {
    size,
    read: (view, offset) => view[`get${form}`](offset, true),
    writeJson: (view, offset, value) => {
      if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) return false;
      view[`set${form}`](offset, value as number, true);
      return true;
    },
  };
}

function wideElement(min: number, form: 'BigUint64' | 'BigInt64'): Element {
  return {
    size: 8,
    read: (view, offset) => view[`get${form}`](offset, true),
    writeJson: (view, offset, value) => {
      if (!Number.isSafeInteger(value) || (value as number) < min) return false;
      view[`set${form}`](offset, BigInt(value as number), true);
      return true;
    },
  };
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of an IEEE 754 binary32. */
function bfloatToNumber(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

/** How many elements a shape has. Zero dimensions do not hide an overflow of the others from whoever multiplies them. */
export function elementCount(shape: readonly number[], path: string): number {
  if (shape.length > limits.tensorRank) throw refusal(`the rank is above ${limits.tensorRank}`, path);
  let product = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw refusal('a dimension is not a non-negative integer', path);
    product *= size === 0 ? 1 : size;
    if (!Number.isSafeInteger(product)) throw refusal('the dimensions multiply beyond 2^53', path);
  }
  return shape.includes(0) ? 0 : product;
}

/** Throws `tensor_invalid` unless `data` is exactly what `datatype` and `shape` say. */
export function checkTensorData(tensor: Tensor, path: string): void {
  const count = elementCount(tensor.shape, path);
  if (tensor.datatype === 'BYTES') {
    walkBytes(tensor.data, count, path);
    return;
  }
  const element: Element | undefined = elements[tensor.datatype];
  if (element === undefined) throw refusal('no such datatype', path);
  if (tensor.data.length !== count * element.size) {
    throw refusal(`${count} elements of ${tensor.datatype} are not ${tensor.data.length} bytes`, path);
  }
  if (tensor.datatype === 'BOOL') checkBooleans(tensor.data, path);
}

function checkBooleans(data: Uint8Array, path: string): void {
  for (const byte of data) if (byte > 1) throw refusal('a BOOL is 0 or 1', path);
}

/** Visits the elements of BYTES data without copying them: hostile data may hold millions of empty ones. */
function walkBytes(data: Uint8Array, count: number, path: string, visit?: (element: Uint8Array) => void): void {
  const view = viewOf(data);
  let found = 0;
  let offset = 0;
  while (offset < data.length) {
    if (data.length - offset < 4) throw refusal('the length of an element is cut off', path);
    const start = offset + 4;
    offset = start + view.getUint32(offset, true);
    if (offset > data.length) throw refusal('an element is cut off', path);
    visit?.(data.subarray(start, offset));
    found++;
  }
  if (found !== count) throw refusal(`${found} elements where the shape has ${count}`, path);
}

/** A tensor of single-precision floats; values are rounded to nearest. */
export function floatTensor(name: string, shape: readonly number[], values: ArrayLike<number>): Tensor {
  const data = new Uint8Array(4 * values.length);
  const view = viewOf(data);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i] as number, true);
  const tensor: Tensor = { name, datatype: 'FP32', shape: [...shape], data };
  checkTensorData(tensor, name);
  return tensor;
}

/** The elements in row-major order: 64-bit integers as bigint, BYTES as copies. */
export function tensorValues(tensor: Tensor): number[] | bigint[] | boolean[] | Uint8Array[] {
  checkTensorData(tensor, tensor.name);
  if (tensor.datatype === 'BYTES') {
    const parts: Uint8Array[] = [];
    walkBytes(tensor.data, elementCount(tensor.shape, tensor.name), tensor.name, (part) => parts.push(part.slice()));
    return parts;
  }
  const { read, size } = elements[tensor.datatype];
  const view = viewOf(tensor.data);
  // One datatype reads as one kind of value, which the table cannot tell the compiler.
  return Array.from({ length: tensor.data.length / size }, (_, index) => read(view, index * size)) as
    | number[]
    | bigint[]
    | boolean[];
}

/** Reads the JSON form of tensor data: a flat list, or lists nested exactly as the shape says. */
export function dataFromJson(datatype: Datatype, shape: readonly number[], list: unknown, path: string): Uint8Array {
  const values = flatten(list, shape, elementCount(shape, path), path);
  if (datatype === 'BYTES') return bytesFromJson(values, path);
  const { size, writeJson } = elements[datatype];
  if (writeJson === undefined) throw refusal(`${datatype} travels in binary form only`, path);
  checkSize(values.length * size, path);
  const data = new Uint8Array(values.length * size);
  const view = viewOf(data);
  values.forEach((value, index) => {
    if (!writeJson(view, index * size, value)) throw refusal(`element ${index} is not a ${datatype}`, path);
  });
  return data;
}

function flatten(list: unknown, shape: readonly number[], count: number, path: string): readonly unknown[] {
  if (!Array.isArray(list)) throw refusal('data is not a list', path);
  if (list.length === count && !list.some(Array.isArray)) return list;
  const values: unknown[] = [];
  collect(list, 0);
  return values;

  function collect(value: unknown, axis: number): void {
    if (axis === shape.length) {
      values.push(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== shape[axis]) {
      throw refusal(`data is neither flat with ${count} elements nor nested as the shape`, path);
    }
    for (const member of value) collect(member, axis + 1);
  }
}

function bytesFromJson(values: readonly unknown[], path: string): Uint8Array {
  const contents = values.map((value, index) => {
    if (typeof value !== 'string') throw refusal(`element ${index} is not text`, path);
    return utf8(value);
  });
  const size = contents.reduce((sum, content) => sum + 4 + content.length, 0);
  checkSize(size, path);
  const data = new Uint8Array(size);
  const view = viewOf(data);
  let offset = 0;
  for (const content of contents) {
    view.setUint32(offset, content.length, true);
    data.set(content, offset + 4);
    offset += 4 + content.length;
  }
  return data;
}

/** A digit in JSON can stand for eight bytes, so a body of allowed size could hold tensors that no binary body can. */
export function checkSize(size: number, path: string): void {
  if (size > limits.bodyBytes) {
    throw new WireError('too_large', `${size} bytes where ${limits.bodyBytes} are allowed`, { field: path });
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON form: a flat list. Values that JSON cannot carry exactly are refused, never changed. */
export function dataToJson(tensor: Tensor, path: string): string {
  const count = elementCount(tensor.shape, path);
  const items: string[] = [];
  if (tensor.datatype === 'BYTES') {
    walkBytes(tensor.data, count, path, (element) => items.push(JSON.stringify(textOf(element, path))));
    return `[${items.join(',')}]`;
  }
  const { size, read, writeJson } = elements[tensor.datatype];
  if (writeJson === undefined) throw refusal(`${tensor.datatype} travels in binary form only`, path);
  const view = viewOf(tensor.data);
  for (let index = 0; index < count; index++) items.push(elementToJson(read(view, index * size), path));
  return `[${items.join(',')}]`;
}

function elementToJson(value: ElementValue, path: string): string {
  if (typeof value === 'number') return floatToJson(value, path);
  if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
    throw refusal('JSON cannot carry an integer beyond 2^53 exactly; use binary', path);
  }
  return String(value);
}

function floatToJson(value: number, path: string): string {
  if (!Number.isFinite(value)) throw refusal('JSON cannot carry NaN or infinity; use binary', path);
  if (Object.is(value, -0)) return '-0.0';
  // Written as an integer it would meet the rule against rounded integers in `parseJson`.
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw refusal('JSON cannot carry BYTES that are not UTF-8; use binary', path);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function refusal(detail: string, path: string): WireError {
  return new WireError('tensor_invalid', detail, { field: path });
}
