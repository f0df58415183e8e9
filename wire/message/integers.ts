import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { readUint, uintWord, WORD } from '../words.ts';
import { checkTensorData, type Datatype, elementCount, refusal, type Tensor, tensorValues } from './tensor-data.ts';

/**
 * Format 2 of DESIGN section 4, "ABI integers": what a contract writes and reads without a parser. A body is its tensors
 * one behind the other, in the order of the release's inputs or outputs, and nothing else; a tensor is
 *
 *     decimals || rank || dimension, `rank` times || value, as often as the dimensions multiply to
 *
 * Each of these is one 32-byte big-endian word (section 3): decimals, rank and dimensions unsigned, a value an int256 in
 * two's complement as the ABI has it. A value v stands for v / 10^decimals. No dimension is zero, and a rank of zero has
 * one value, so that one list of tensors has one spelling. `contracts/src/consumer/TensorLib.sol` is the other end.
 */
export interface IntegerTensor {
  readonly decimals: number;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: readonly bigint[];
}

/** How floats are answered: as most tokens count. Integers and BOOL have no decimals. */
export const FLOAT_DECIMALS = 18;

const HIGHEST = 2n ** 255n - 1n;
const LOWEST = -(2n ** 255n);

export function encodeIntegers(tensors: readonly IntegerTensor[]): Uint8Array {
  if (tensors.length > limits.tensors) throw refusal(`more than ${limits.tensors} tensors`, 'tensors');
  const words = tensors.flatMap(({ decimals, shape, values }, index) => {
    const path = `tensors[${index}]`;
    const elements = elementCount(shape, path);
    for (const dimension of shape) checkDimension(BigInt(dimension), path);
    if (!Number.isInteger(decimals)) throw refusal('decimals are a whole number', path);
    checkDecimals(BigInt(decimals), path);
    if (values.length !== elements) throw refusal('shape and values differ in number', path);
    return [decimals, shape.length, ...shape].map((word) => uintWord(BigInt(word))).concat(values.map(valueWord));
  });
  if (words.length * WORD > limits.bodyBytes) throw new WireError('too_large', `${words.length} words`);
  return concatBytes(...words);
}

export function decodeIntegers(body: Uint8Array): readonly IntegerTensor[] {
  if (body.length > limits.bodyBytes) throw new WireError('too_large', `${body.length} bytes`);
  if (body.length % WORD !== 0) throw new WireError('truncated', 'not whole words', { offset: body.length });
  const count = body.length / WORD;
  let at = 0;
  const next = (): bigint => {
    if (at === count) throw new WireError('truncated', 'a tensor is cut off', { offset: body.length });
    const word = readUint(body.subarray(WORD * at, WORD * (at + 1)));
    at += 1;
    return word;
  };
  const tensors: IntegerTensor[] = [];
  while (at < count) {
    const path = `tensors[${tensors.length}]`;
    if (tensors.length === limits.tensors) throw refusal(`more than ${limits.tensors} tensors`, path);
    const decimals = checkDecimals(next(), path);
    const rank = next();
    if (rank > BigInt(limits.tensorRank)) throw refusal(`the rank is above ${limits.tensorRank}`, path);
    const shape = Array.from({ length: Number(rank) }, () => checkDimension(next(), path));
    // Before anything is allocated: eight dimensions can claim more values than there are bytes.
    const values = elementCount(shape, path);
    if (values > count - at) throw new WireError('truncated', `${values} values are not there`, { field: path });
    tensors.push({ decimals, shape, values: Array.from({ length: values }, () => BigInt.asIntN(256, next())) });
  }
  return tensors;
}

/** What a model is given. Floats are rounded to the nearest FP64, and FP32 from there, as numbers in a JSON body are. */
export function integersToTensor(
  { name, datatype }: { readonly name: string; readonly datatype: Datatype },
  { decimals, shape, values }: IntegerTensor,
): Tensor {
  const write = writers[datatype];
  if (write === undefined) throw refusal(`${datatype} is not given as integers`, name);
  const isFloat = datatype === 'FP32' || datatype === 'FP64';
  if (!isFloat && decimals !== 0) throw refusal(`a ${datatype} has no decimals`, name);
  const data = new Uint8Array(values.length * write.size);
  const view = new DataView(data.buffer);
  values.forEach((value, index) => {
    if (!write.set(view, index * write.size, value, decimals)) {
      throw refusal(`element ${index} is not a ${datatype}`, name);
    }
  });
  const tensor: Tensor = { name, datatype, shape: [...shape], data };
  checkTensorData(tensor, name);
  return tensor;
}

/** What a contract is answered. Floats are exact multiples of 10^-18 rounded half to even; NaN and infinity are refused. */
export function tensorToIntegers(tensor: Tensor): IntegerTensor {
  const { name, datatype, shape } = tensor;
  if (datatype === 'BYTES') throw refusal('BYTES are no integers', name);
  if (shape.includes(0)) throw refusal('a tensor without values', name);
  const isFloat = datatype === 'FP16' || datatype === 'BF16' || datatype === 'FP32' || datatype === 'FP64';
  const values = (tensorValues(tensor) as readonly (number | bigint | boolean)[]).map((value, index) => {
    const integer = isFloat ? scaled(value as number, FLOAT_DECIMALS) : BigInt(value);
    if (integer === undefined || integer < LOWEST || integer > HIGHEST) {
      throw refusal(`element ${index} is not finite, or beyond an int256`, name);
    }
    return integer;
  });
  return { decimals: isFloat ? FLOAT_DECIMALS : 0, shape: [...shape], values };
}

function checkDecimals(decimals: bigint, path: string): number {
  if (decimals < 0n || decimals > BigInt(limits.integerDecimals))
    throw refusal(`decimals above ${limits.integerDecimals}`, path);
  return Number(decimals);
}

function checkDimension(dimension: bigint, path: string): number {
  if (dimension < 1n || dimension > BigInt(limits.integerDimension))
    throw refusal('a dimension is zero or above 2^32 - 1', path);
  return Number(dimension);
}

function valueWord(value: bigint): Uint8Array {
  if (value < LOWEST || value > HIGHEST) throw new WireError('integer_out_of_range', 'not an int256');
  return uintWord(BigInt.asUintN(256, value));
}

interface Writer {
  readonly size: number;
  /** False where the datatype has no such value. */
  set(view: DataView, offset: number, value: bigint, decimals: number): boolean;
}

const writers: { readonly [Type in Datatype]?: Writer } = {
  BOOL: wholeWriter(1, 0n, 1n),
  UINT8: unsigned(1),
  UINT16: unsigned(2),
  UINT32: unsigned(4),
  UINT64: unsigned(8),
  INT8: signed(1),
  INT16: signed(2),
  INT32: signed(4),
  INT64: signed(8),
  FP32: {
    size: 4,
    set: (view, offset, value, decimals) => {
      const single = Math.fround(ratio(value, 10n ** BigInt(decimals)));
      view.setFloat32(offset, single, true);
      return Number.isFinite(single);
    },
  },
  FP64: {
    size: 8,
    set: (view, offset, value, decimals) => {
      view.setFloat64(offset, ratio(value, 10n ** BigInt(decimals)), true);
      return true;
    },
  },
};

function unsigned(size: number): Writer {
  return wholeWriter(size, 0n, 2n ** BigInt(8 * size) - 1n);
}

function signed(size: number): Writer {
  return wholeWriter(size, -(2n ** BigInt(8 * size - 1)), 2n ** BigInt(8 * size - 1) - 1n);
}

function wholeWriter(size: number, min: bigint, max: bigint): Writer {
  return {
    size,
    set: (view, offset, value) => {
      if (value < min || value > max) return false;
      for (let i = 0; i < size; i++) view.setUint8(offset + i, Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
      return true;
    },
  };
}

/** The double nearest to numerator / denominator, ties to even. ECMAScript lets text be read less exactly than that. */
function ratio(numerator: bigint, denominator: bigint): number {
  // At least 2^64, with a last bit that says whether anything is left: rounding to 53 bits then sees all it needs. The
  // result is between 10^-36 and 2^255, where the power of two takes nothing away.
  const SHIFT = 192n;
  const magnitude = (numerator < 0n ? -numerator : numerator) << SHIFT;
  const quotient = magnitude / denominator;
  const sticky = quotient * denominator === magnitude ? quotient : quotient | 1n;
  return (numerator < 0n ? -1 : 1) * (Number(sticky) * 2 ** -Number(SHIFT));
}

/** value x 10^decimals, rounded half to even from the exact value of the double; undefined for NaN and infinity. */
function scaled(value: number, decimals: number): bigint | undefined {
  if (!Number.isFinite(value)) return undefined;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = bits >> 52n;
  const fraction = bits & (2n ** 52n - 1n);
  const significand = exponent === 0n ? fraction : fraction | (2n ** 52n);
  const product = significand * 10n ** BigInt(decimals);
  const power = (exponent === 0n ? 1n : exponent) - 1075n;
  const rounded = power >= 0n ? product << power : halfToEven(product, -power);
  return value < 0 ? -rounded : rounded;
}

function halfToEven(value: bigint, shift: bigint): bigint {
  const quotient = value >> shift;
  const rest = value - (quotient << shift);
  const half = 1n << (shift - 1n);
  return rest > half || (rest === half && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}
