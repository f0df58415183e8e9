import { toHex } from '../../../wire/bytes.ts';
import {
  encodeIntegers,
  type IntegerTensor,
  integersToTensor,
  tensorToIntegers,
} from '../../../wire/message/integers.ts';
import type { Datatype, Tensor } from '../../../wire/message/tensor.ts';
import type { Json } from './messages.ts';

const e18 = 10n ** 18n;

/** Bodies of format 2, by what they show. */
const bodies: Readonly<Record<string, readonly IntegerTensor[]>> = {
  none: [],
  scalar: [{ decimals: 0, shape: [], values: [-1n] }],
  vector: [{ decimals: 18, shape: [3], values: [e18, -e18 / 2n, 0n] }],
  matrix: [{ decimals: 6, shape: [2, 3], values: [1n, 2n, 3n, -4n, -5n, -6n] }],
  extremes: [{ decimals: 36, shape: [2, 1], values: [2n ** 255n - 1n, -(2n ** 255n)] }],
  two: [
    { decimals: 18, shape: [1, 2], values: [123_456_789n, -987_654_321n] },
    { decimals: 0, shape: [2], values: [7n, 8n] },
  ],
};

/** What a model is given for one value, little-endian as tensors are. */
const given: readonly (readonly [datatype: Datatype, decimals: number, value: bigint])[] = [
  ['FP32', 18, e18 / 10n],
  ['FP64', 18, e18 / 10n],
  ['FP64', 0, 9_007_199_254_740_993n],
  ['FP64', 36, 1n],
  ['FP32', 1, -5n],
  ['INT64', 0, -(2n ** 63n)],
  ['UINT64', 0, 2n ** 64n - 1n],
  ['INT8', 0, -128n],
  ['BOOL', 0, 1n],
];

/** What a contract is answered for one value. */
const answered: readonly (readonly [datatype: Datatype, data: readonly number[]])[] = [
  ['FP32', [0xcd, 0xcc, 0xcc, 0x3d]],
  ['FP64', [0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f]],
  ['FP32', [0x00, 0x00, 0x00, 0x80]],
  ['FP16', [0x00, 0xc2]],
  ['BF16', [0xc0, 0x3f]],
  ['INT32', [0xff, 0xff, 0xff, 0xff]],
  ['BOOL', [0x01]],
];

export function integerVectors(): Json {
  return {
    about: 'Proofmark golden vector. Bodies of format 2 (ABI integers): every word is 32 bytes, big-endian.',
    bodies: Object.entries(bodies).map(([name, tensors]) => ({
      name,
      tensors: tensors.map(describe),
      body: toHex(encodeIntegers(tensors)),
    })),
    given: given.map(([datatype, decimals, value]) => {
      const tensor = integersToTensor({ name: 'x', datatype }, { decimals, shape: [1], values: [value] });
      return { datatype, decimals, value: String(value), data: toHex(tensor.data) };
    }),
    answered: answered.map(([datatype, data]) => {
      const tensor: Tensor = { name: 'x', datatype, shape: [1], data: Uint8Array.from(data) };
      const { decimals, values } = tensorToIntegers(tensor);
      return { datatype, data: toHex(tensor.data), decimals, value: String(values[0]) };
    }),
  };
}

function describe({ decimals, shape, values }: IntegerTensor): Json {
  return { decimals, shape, values: values.map(String) };
}
