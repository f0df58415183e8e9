import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import {
  decodeIntegers,
  encodeIntegers,
  FLOAT_DECIMALS,
  type IntegerTensor,
  integersToTensor,
  tensorToIntegers,
} from '../../../wire/message/integers.ts';
import { type Datatype, datatypes, type Tensor, tensorValues } from '../../../wire/message/tensor.ts';
import { uintWord } from '../../../wire/words.ts';
import { runs } from '../../support/runs.ts';
import { codeOf } from '../codec/support.ts';

const words = (...values: readonly (bigint | number)[]): Uint8Array =>
  concatBytes(...values.map((value) => uintWord(BigInt.asUintN(256, BigInt(value)))));

const int256 = fc.bigInt({ min: -(2n ** 255n), max: 2n ** 255n - 1n });

const tensor: fc.Arbitrary<IntegerTensor> = fc
  .array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 })
  .chain((shape) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return fc.record({
      decimals: fc.integer({ min: 0, max: limits.integerDecimals }),
      shape: fc.constant(shape),
      values: fc.array(int256, { minLength: count, maxLength: count }),
    });
  });

function given(datatype: Datatype, value: bigint, decimals: number): Tensor {
  return integersToTensor({ name: 'x', datatype }, { decimals, shape: [1], values: [value] });
}

const number = (datatype: Datatype, value: bigint, decimals: number): unknown =>
  tensorValues(given(datatype, value, decimals))[0];

function float64(value: number): Tensor {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setFloat64(0, value, true);
  return { name: 'x', datatype: 'FP64', shape: [1], data };
}

const answered = (value: number): bigint => tensorToIntegers(float64(value)).values[0] as bigint;

describe('a body of integers', () => {
  it('is words: decimals, rank, dimensions, values', () => {
    const tensors = [
      { decimals: 18, shape: [1, 2], values: [5n, -1n] },
      { decimals: 0, shape: [], values: [7n] },
    ];
    const body = words(18, 2, 1, 2, 5, -1, 0, 0, 7);
    expect(toHex(encodeIntegers(tensors))).toBe(toHex(body));
    expect(decodeIntegers(body)).toEqual(tensors);
    expect(decodeIntegers(new Uint8Array(0))).toEqual([]);
  });

  it('reads back as it was written, and has one spelling', () => {
    fc.assert(
      fc.property(fc.array(tensor, { maxLength: 3 }), (tensors) => {
        expect(decodeIntegers(encodeIntegers(tensors))).toEqual(tensors);
      }),
      { numRuns: runs(300) },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 3n }), int256), { maxLength: 12 }), (values) => {
        const body = words(...values);
        if (codeOf(() => decodeIntegers(body)) === 'accepted') {
          expect(encodeIntegers(decodeIntegers(body))).toEqual(body);
        }
      }),
      { numRuns: runs(2_000) },
    );
  });

  it.each<[string, Uint8Array, string]>([
    ['a byte too few', words(0, 0, 1).subarray(1), 'truncated'],
    ['a byte too many', concatBytes(words(0, 0, 1), Uint8Array.of(0)), 'truncated'],
    ['decimals alone', words(0), 'truncated'],
    ['a missing dimension', words(0, 2, 1), 'truncated'],
    ['a missing value', words(0, 1, 2, 1), 'truncated'],
    ['a value too many', words(0, 1, 1, 1, 1), 'truncated'],
    ['decimals of 37', words(37, 0, 1), 'tensor_invalid'],
    ['decimals that are negative', words(-1, 0, 1), 'tensor_invalid'],
    ['a rank of nine', words(0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 'tensor_invalid'],
    ['a rank of 2^64', words(0, 2n ** 64n, 1), 'tensor_invalid'],
    ['a dimension of zero', words(0, 1, 0), 'tensor_invalid'],
    ['a dimension of 2^32', words(0, 1, 2n ** 32n, 1), 'tensor_invalid'],
    ['dimensions that multiply beyond 2^53', words(0, 2, 0xffff_ffffn, 0xffff_ffffn, 1), 'tensor_invalid'],
    ['more values than bytes', words(0, 2, 0xffffn, 0xffffn, 1), 'truncated'],
    [
      'too many tensors',
      concatBytes(...Array.from({ length: limits.tensors + 1 }, () => words(0, 0, 1))),
      'tensor_invalid',
    ],
    ['too many bytes', new Uint8Array(limits.bodyBytes + 32), 'too_large'],
  ])('is refused: %s', (_, body, code) => {
    expect(codeOf(() => decodeIntegers(body))).toBe(code);
  });

  it.each<[string, IntegerTensor, string]>([
    ['decimals of 37', { decimals: 37, shape: [], values: [1n] }, 'tensor_invalid'],
    ['half a decimal', { decimals: 0.5, shape: [], values: [1n] }, 'tensor_invalid'],
    ['a dimension of zero', { decimals: 0, shape: [0], values: [] }, 'tensor_invalid'],
    ['half a dimension', { decimals: 0, shape: [0.5], values: [] }, 'tensor_invalid'],
    ['a dimension of 2^32', { decimals: 0, shape: [2 ** 32], values: [] }, 'tensor_invalid'],
    ['a rank of nine', { decimals: 0, shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], values: [1n] }, 'tensor_invalid'],
    ['a value too few', { decimals: 0, shape: [2], values: [1n] }, 'tensor_invalid'],
    ['2^255', { decimals: 0, shape: [], values: [2n ** 255n] }, 'integer_out_of_range'],
    ['-2^255 - 1', { decimals: 0, shape: [], values: [-(2n ** 255n) - 1n] }, 'integer_out_of_range'],
  ])('is not written: %s', (_, value, code) => {
    expect(codeOf(() => encodeIntegers([value]))).toBe(code);
  });

  it('is not written beyond what a body may hold', () => {
    const large = {
      decimals: 0,
      shape: [limits.bodyBytes / 32],
      values: new Array<bigint>(limits.bodyBytes / 32).fill(0n),
    };
    expect(codeOf(() => encodeIntegers([large]))).toBe('too_large');
    const many = Array.from({ length: limits.tensors + 1 }, () => ({ decimals: 0, shape: [], values: [0n] }));
    expect(codeOf(() => encodeIntegers(many))).toBe('tensor_invalid');
  });
});

describe('what a model is given', () => {
  it('is the nearest double, as the engine reads decimal text', () => {
    fc.assert(
      fc.property(int256, fc.integer({ min: 0, max: limits.integerDecimals }), (value, decimals) => {
        expect(number('FP64', value, decimals)).toBe(Number(`${value}e-${decimals}`));
      }),
      { numRuns: runs(1_000) },
    );
    // Halfway between two doubles, a little less, a little more.
    const half = 2n ** 53n + 1n;
    expect(number('FP64', half, 0)).toBe(2 ** 53);
    expect(number('FP64', half * 10n ** 20n + 1n, 20)).toBe(2 ** 53 + 2);
    expect(number('FP64', half * 10n ** 20n - 1n, 20)).toBe(2 ** 53);
    expect(number('FP64', 0n, 5)).toBe(0);
  });

  it('is that rounded to FP32 where the model takes singles', () => {
    expect(number('FP32', 1n, 1)).toBe(Math.fround(0.1));
    expect(codeOf(() => given('FP32', 2n ** 128n, 0))).toBe('tensor_invalid');
    expect(number('FP32', -(2n ** 127n), 0)).toBe(-(2 ** 127));
  });

  it.each<[Datatype, bigint, bigint]>([
    ['BOOL', 0n, 1n],
    ['UINT8', 0n, 255n],
    ['UINT16', 0n, 65_535n],
    ['UINT32', 0n, 4_294_967_295n],
    ['UINT64', 0n, 2n ** 64n - 1n],
    ['INT8', -128n, 127n],
    ['INT16', -32_768n, 32_767n],
    ['INT32', -(2n ** 31n), 2n ** 31n - 1n],
    ['INT64', -(2n ** 63n), 2n ** 63n - 1n],
  ])('is a %s from %d to %d and nothing beyond', (datatype, min, max) => {
    for (const value of [min, max]) expect(BigInt(number(datatype, value, 0) as number)).toBe(value);
    for (const value of [min - 1n, max + 1n]) expect(codeOf(() => given(datatype, value, 0))).toBe('tensor_invalid');
    expect(codeOf(() => given(datatype, 1n, 1))).toBe('tensor_invalid');
  });

  it('is never text or a half float, and fits its shape', () => {
    for (const datatype of ['BYTES', 'FP16', 'BF16'] as const) {
      expect(codeOf(() => given(datatype, 1n, 0))).toBe('tensor_invalid');
    }
    const wrong = { decimals: 0, shape: [2], values: [1n] };
    expect(codeOf(() => integersToTensor({ name: 'x', datatype: 'INT8' }, wrong))).toBe('tensor_invalid');
  });
});

describe('what a contract is answered', () => {
  it('is every double to the nearest step, half to even', () => {
    expect(answered(0.1)).toBe(100_000_000_000_000_006n);
    expect(answered(-1.5)).toBe(-1_500_000_000_000_000_000n);
    expect(answered(-0)).toBe(0n);
    expect(answered(Number.MIN_VALUE)).toBe(0n);
    expect(answered(2 ** 60)).toBe(2n ** 60n * 10n ** 18n);
    // 2^-19 has 19 decimals and ends in 5: 1907348632812.5 steps go to the even one, three times as many too.
    expect(answered(2 ** -19)).toBe(1_907_348_632_812n);
    expect(answered(3 * 2 ** -19)).toBe(5_722_045_898_438n);
    expect(answered(-3 * 2 ** -19)).toBe(-5_722_045_898_438n);
  });

  it('is never further than half a step from the double', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e50, max: 1e50, noNaN: true }), (value) => {
        const integer = answered(value);
        // Every double of this size is a multiple of 2^-1074.
        const exact = exactly(value) * 10n ** BigInt(FLOAT_DECIMALS);
        const distance = (integer << 1074n) - exact;
        expect((distance < 0n ? -distance : distance) * 2n <= 1n << 1074n).toBe(true);
      }),
      { numRuns: runs(500) },
    );
  });

  it('comes back as the same double', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e50, noNaN: true }), (value) => {
        expect(number('FP64', answered(value), FLOAT_DECIMALS)).toBe(value);
      }),
      { numRuns: runs(500) },
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e60, -1e60])('is never %d', (value) => {
    expect(codeOf(() => tensorToIntegers(float64(value)))).toBe('tensor_invalid');
  });

  it('has decimals where the model answers floats, and keeps whole numbers', () => {
    const eight = new Uint8Array(8).fill(1);
    const sizes: Readonly<Record<string, number>> = {
      BOOL: 1,
      UINT8: 1,
      INT8: 1,
      UINT16: 2,
      INT16: 2,
      FP16: 2,
      BF16: 2,
    };
    for (const datatype of datatypes.filter((name) => name !== 'BYTES')) {
      const size = sizes[datatype] ?? (datatype.endsWith('64') ? 8 : 4);
      const { decimals } = tensorToIntegers({ name: 'x', datatype, shape: [1], data: eight.subarray(0, size) });
      expect({ datatype, decimals }).toEqual({ datatype, decimals: /^(FP|BF)/.test(datatype) ? FLOAT_DECIMALS : 0 });
    }
    const minimum = given('INT64', -(2n ** 63n), 0);
    expect(tensorToIntegers(minimum).values).toEqual([-(2n ** 63n)]);
  });

  it('is never text, and never nothing', () => {
    const text: Tensor = { name: 'x', datatype: 'BYTES', shape: [1], data: new Uint8Array(4) };
    const empty: Tensor = { name: 'x', datatype: 'FP32', shape: [0], data: new Uint8Array(0) };
    for (const value of [text, empty]) expect(codeOf(() => tensorToIntegers(value))).toBe('tensor_invalid');
  });
});

/** value x 2^1074. */
function exactly(value: number): bigint {
  let rest = Math.abs(value);
  let shift = 1074n;
  while (!Number.isInteger(rest)) {
    rest *= 2;
    shift -= 1n;
  }
  return (value < 0 ? -1n : 1n) * (BigInt(rest) << shift);
}
