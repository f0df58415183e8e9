import { WireError } from '../errors.ts';
import { checkTensorData, type Datatype, type Tensor } from '../message/tensor-data.ts';

export interface IntegerForm {
  readonly bits: number;
  readonly signed: boolean;
}

/** The datatypes that are committed to: exact, and the same wherever they are computed. */
const forms: { readonly [Type in Datatype]?: IntegerForm } = {
  BOOL: { bits: 8, signed: false },
  UINT8: { bits: 8, signed: false },
  UINT16: { bits: 16, signed: false },
  UINT32: { bits: 32, signed: false },
  UINT64: { bits: 64, signed: false },
  INT8: { bits: 8, signed: true },
  INT16: { bits: 16, signed: true },
  INT32: { bits: 32, signed: true },
  INT64: { bits: 64, signed: true },
};

export function integerForm(datatype: Datatype): IntegerForm | undefined {
  return forms[datatype];
}

/** Below the field's 254 bits in whole bytes. */
const ELEMENT_BITS = 248;

export function valuesPerElement(bits: number): number {
  return Math.floor(ELEMENT_BITS / bits);
}

/**
 * A tensor as elements of the field: value k of an element, weighted 2^(bits k), is v, or v + 2^(bits - 1) where the datatype
 * has signs. Tensors are little-endian, so an element is so many of their bytes, each value's highest bit turned over.
 */
export function packTensor(tensor: Tensor): readonly bigint[] {
  const form = integerForm(tensor.datatype);
  if (form === undefined)
    throw new WireError('tensor_invalid', `${tensor.datatype} is no integer`, { field: tensor.name });
  checkTensorData(tensor, tensor.name);
  const { data } = tensor;
  const size = form.bits / 8;
  const step = size * valuesPerElement(form.bits);
  const elements: bigint[] = [];
  for (let start = 0; start < data.length; start += step) {
    let element = 0n;
    for (let at = Math.min(start + step, data.length) - 1; at >= start; at--) {
      const top = form.signed && at % size === size - 1 ? 0x80 : 0;
      element = (element << 8n) | BigInt((data[at] as number) ^ top);
    }
    elements.push(element);
  }
  return elements;
}
