import type { Interval } from '../../contracts/integer/bounds.ts';
import { type Field, textOf } from '../../enclave/worker/model/protobuf.ts';
import { ReadError } from './read-error.ts';

/** A constant tensor of integers. One of floats, or written in a way that is not read here, has none. */
export interface Constant {
  readonly type: number;
  readonly dimensions: readonly number[];
  readonly values: readonly bigint[] | 'not read';
}

interface ElementType {
  readonly bytes: number;
  readonly signed: boolean;
}

/** The element types of onnx.proto that hold integers. */
const integerTypes: Readonly<Record<number, ElementType>> = {
  2: { bytes: 1, signed: false },
  3: { bytes: 1, signed: true },
  4: { bytes: 2, signed: false },
  5: { bytes: 2, signed: true },
  6: { bytes: 4, signed: true },
  7: { bytes: 8, signed: true },
};

/** How commitments see an element of this type; undefined: it is no integer that is read here. */
export function formOf(type: number): { readonly bits: number; readonly signed: boolean } | undefined {
  const element = integerTypes[type];
  return element === undefined ? undefined : { bits: 8 * element.bytes, signed: element.signed };
}

/** What an element of this type can be; undefined: it is no integer of up to 64 bits that is read here. */
export function rangeOf(type: number): Interval | undefined {
  const element = integerTypes[type];
  if (element === undefined) return undefined;
  const size = 2n ** BigInt(8 * element.bytes);
  return element.signed ? { least: -size / 2n, most: size / 2n - 1n } : { least: 0n, most: size - 1n };
}

const [DIMENSIONS, TYPE, INT32_DATA, INT64_DATA, NAME, RAW] = [1, 2, 5, 7, 8, 9] as const;

export function readConstant(bytes: Uint8Array, fields: readonly Field[]): readonly [string, Constant] {
  const of = (number: number): readonly Field[] => fields.filter((field) => field.number === number);
  const [name] = of(NAME);
  const type = of(TYPE)[0]?.value ?? 0;
  const dimensions = of(DIMENSIONS)
    .flatMap((field) => signedVarints(bytes, field))
    .map(Number);
  const count = dimensions.reduce((product, size) => product * size, 1);
  const values = valuesOf(bytes, type, { raw: of(RAW)[0], int32: of(INT32_DATA), int64: of(INT64_DATA) });
  if (values !== 'not read' && values.length !== count) {
    throw new ReadError('constant', name === undefined ? 'a constant' : textOf(bytes, name), 'shape and values differ');
  }
  return [name === undefined ? '' : textOf(bytes, name), { type, dimensions, values }];
}

interface Stored {
  readonly raw: Field | undefined;
  readonly int32: readonly Field[];
  readonly int64: readonly Field[];
}

function valuesOf(bytes: Uint8Array, type: number, { raw, int32, int64 }: Stored): readonly bigint[] | 'not read' {
  const element = integerTypes[type];
  if (element === undefined) return 'not read';
  if (raw === undefined) {
    const values = (type === 7 ? int64 : int32).flatMap((field) => signedVarints(bytes, field));
    const range = rangeOf(type);
    const fits = values.every((value) => range !== undefined && value >= range.least && value <= range.most);
    return fits ? values : 'not read';
  }
  const { bytes: size, signed } = element;
  return Array.from({ length: Math.floor((raw.end - raw.start) / size) }, (_, index) => {
    let value = 0n;
    for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[raw.start + index * size + at] ?? 0);
    return signed ? BigInt.asIntN(8 * size, value) : value;
  });
}

/** Numbers that protobuf writes in two's complement of 64 bits. The scan has seen that each ends. */
export function signedVarints(bytes: Uint8Array, field: Field): readonly bigint[] {
  const values: bigint[] = [];
  let [value, shift] = [0n, 0n];
  for (let at = field.start; at < field.end; at++) {
    const byte = BigInt(bytes[at] ?? 0);
    value |= (byte & 0x7fn) << shift;
    shift += 7n;
    if (byte >= 0x80n) continue;
    values.push(BigInt.asIntN(64, value));
    [value, shift] = [0n, 0n];
  }
  return values;
}
