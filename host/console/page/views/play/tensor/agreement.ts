import { equalBytes } from '../../../../../../wire/bytes.ts';
import { type Tensor, tensorValues } from '../../../../../../wire/message/tensor.ts';

/** How an answer compares with the one that its publisher expects for the same input. */
export type Agreement =
  | { readonly kind: 'same-bits' }
  | { readonly kind: 'close'; readonly largest: number }
  | { readonly kind: 'different'; readonly detail: string };

export function agreementOf(answered: readonly Tensor[], expected: readonly Tensor[]): Agreement {
  let largest = 0;
  let same = true;
  for (const wanted of expected) {
    const { name, datatype, shape } = wanted;
    const got = answered.find((tensor) => tensor.name === name);
    if (got === undefined) return { kind: 'different', detail: `${name} is missing` };
    if (got.datatype !== datatype || got.shape.join() !== shape.join()) {
      return { kind: 'different', detail: `${name} is ${got.datatype}[${got.shape.join(', ')}]` };
    }
    if (equalBytes(got.data, wanted.data)) continue;
    same = false;
    const distance = distanceOf(got, wanted);
    if (distance === undefined) return { kind: 'different', detail: `${name} has other values` };
    largest = Math.max(largest, distance);
  }
  return same ? { kind: 'same-bits' } : { kind: 'close', largest };
}

/** Undefined where values are no numbers that are near each other or far. */
function distanceOf(a: Tensor, b: Tensor): number | undefined {
  const [values, others]: readonly (readonly unknown[])[] = [tensorValues(a), tensorValues(b)];
  let largest = 0;
  for (const [index, value] of (values ?? []).entries()) {
    const other = others?.[index];
    if (typeof value !== 'number' || typeof other !== 'number') {
      if (value !== other) return undefined;
    } else if (!Object.is(value, other)) {
      const distance = Math.abs(value - other);
      if (Number.isNaN(distance)) return undefined;
      largest = Math.max(largest, distance);
    }
  }
  return largest;
}
