import type { ManifestTensor } from '../../wire/message/manifest.ts';
import type { Tensor } from '../../wire/message/tensor.ts';

/** Sizes of free dimensions, by name; those without a name have one of their own. */
export interface MadeUpOptions {
  readonly free: number;
  /** Of the first dimension, where it is free. */
  readonly rows: number;
  /** Other numbers give other values. */
  readonly salt: number;
}

/**
 * Inputs of the right types and shapes whose values mean nothing. The same ones on every machine: small numbers around
 * zero, and zeros and ones for whole numbers, which are often indices into a table of unknown length.
 */
export function madeUp(inputs: readonly ManifestTensor[], { free, rows, salt }: MadeUpOptions): readonly Tensor[] {
  return inputs.map((input, place) => {
    const shape = input.shape.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? rows : free));
    const elements = shape.reduce((product, size) => product * size, 1);
    const bytes = elementBytes[input.datatype] ?? 1;
    const data = new Uint8Array(elements * bytes);
    const view = new DataView(data.buffer);
    for (let index = 0; index < elements; index++) {
      writeElement(view, index * bytes, input.datatype, mix(index, 1 + salt * 31 + place));
    }
    return { name: input.name, datatype: input.datatype, shape, data };
  });
}

const elementBytes: Readonly<Partial<Record<Tensor['datatype'], number>>> = {
  ...{ BOOL: 1, UINT8: 1, INT8: 1, UINT16: 2, INT16: 2, FP16: 2, UINT32: 4, INT32: 4, FP32: 4 },
  ...{ UINT64: 8, INT64: 8, FP64: 8 },
};

/** A number below 2^32 in which every bit of both has a part. */
function mix(index: number, salt: number): number {
  let value = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

function writeElement(view: DataView, at: number, datatype: Tensor['datatype'], random: number): void {
  const fraction = random / 2 ** 31 - 1;
  if (datatype === 'FP32') view.setFloat32(at, fraction, true);
  else if (datatype === 'FP64') view.setFloat64(at, fraction, true);
  // Between 0.5 and 1 in steps of 2^-11, with either sign: exponent 14 of 15, and ten bits.
  else if (datatype === 'FP16') view.setUint16(at, ((random >>> 31) << 15) | (14 << 10) | (random & 0x3ff), true);
  // The lowest byte of a little-endian integer.
  else view.setUint8(at, random & 1);
}
