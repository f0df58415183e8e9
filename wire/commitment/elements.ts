import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { checked32, readUint, tagWord } from '../words.ts';
import { FIELD } from './field.ts';
import { poseidon } from './poseidon.ts';

const TAG = 'proofmark commitment v1';
/** Elements that one permutation takes beside the sum so far. */
const RATE = 4;

export interface Committed {
  /** Of the request: whoever does not know it cannot try inputs until one fits. */
  readonly salt: Uint8Array;
  readonly inputs: readonly bigint[];
  readonly outputs: readonly bigint[];
}

/**
 * DESIGN section 4, `commitment`: a chain of Poseidon permutations that begins with how many elements there are, so that no
 * padding and no move of the border between inputs and outputs gives the sum of others.
 */
export function commitElements({ salt, inputs, outputs }: Committed): bigint {
  const count = inputs.length + outputs.length;
  if (count > limits.commitmentElements) throw new WireError('too_large', `${count} elements`);
  const word = readUint(checked32(salt));
  const sequence = [word >> 128n, BigInt.asUintN(128, word), ...inputs, ...outputs];
  for (const element of sequence) requireElement(element);
  let sum = commitmentPrefix(inputs.length, outputs.length);
  for (let at = 0; at < sequence.length; at += RATE) {
    const next = Array.from({ length: RATE }, (_, place) => sequence[at + place] ?? 0n);
    sum = poseidon([sum, ...next]);
  }
  return sum;
}

/** What the chain begins with, for so many elements. */
export function commitmentPrefix(inputs: number, outputs: number): bigint {
  return (tagNumber() << 48n) + (BigInt(inputs) << 24n) + BigInt(outputs);
}

/** As an integer of its characters alone, without the padding of a word. */
function tagNumber(): bigint {
  return readUint(tagWord(TAG).subarray(0, TAG.length));
}

/**
 * The sum of element i times point^(i + 1), which is zero at zero. Two lists of one length have the same value at no more
 * points than they have elements: at one that is known only once the elements are fixed, the value stands for all of them.
 */
export function evaluateElements(elements: readonly bigint[], point: bigint): bigint {
  requireElement(point);
  return elements.reduceRight((sum, element) => ((sum + requireElement(element)) * point) % FIELD, 0n);
}

function requireElement(element: bigint): bigint {
  if (element >= 0n && element < FIELD) return element;
  throw new WireError('integer_out_of_range', 'not an element of the field');
}
