import { equalBytes } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { canonicalJson } from '../../wire/codec/json.ts';
import { type Tensor, tensorValues } from '../../wire/message/tensor.ts';

/** `exact` is bit for bit. A number is how far a value may be off: in units of one, or of the expected value where that is larger. */
export type Tolerance = 'exact' | number;

export type Comparison =
  | { readonly outcome: 'same' | 'within-tolerance'; readonly farthest: number }
  | { readonly outcome: 'differs'; readonly where: string };

const differs = (where: string): Comparison => ({ outcome: 'differs', where });

export function compareTensors(
  expected: readonly Tensor[],
  given: readonly Tensor[],
  tolerance: Tolerance,
): Comparison {
  if (expected.length !== given.length) return differs(`${given.length} outputs instead of ${expected.length}`);
  let farthest = 0;
  for (const meant of expected) {
    const tensor = given.find(({ name }) => name === meant.name);
    if (tensor === undefined) return differs(`no output ${meant.name}`);
    if (tensor.datatype !== meant.datatype || tensor.shape.join() !== meant.shape.join()) {
      return differs(`${meant.name} is ${typeOf(tensor)} instead of ${typeOf(meant)}`);
    }
    if (equalBytes(tensor.data, meant.data)) continue;
    const found = tolerance === 'exact' ? firstDifference(meant, tensor) : farthestValue(meant, tensor, tolerance);
    if (typeof found === 'string') return differs(`${meant.name}${found}`);
    farthest = Math.max(farthest, found);
  }
  return { outcome: farthest === 0 ? 'same' : 'within-tolerance', farthest };
}

/** What a person said a language model answers is text: nearly the same is another one. */
export function compareAnswers(expected: JsonValue, given: JsonValue): Comparison {
  for (const [name, part] of [
    ['finish_reason', (value: JsonValue) => memberOf(value, 'finish_reason')],
    ['role', (value: JsonValue) => memberOf(memberOf(value, 'message'), 'role')],
    ['content', (value: JsonValue) => memberOf(memberOf(value, 'message'), 'content')],
  ] as const) {
    if (!isSame(part(expected), part(given))) {
      return differs(`${name} is ${JSON.stringify(part(given))} instead of ${JSON.stringify(part(expected))}`);
    }
  }
  return { outcome: 'same', farthest: 0 };
}

function isSame(one: JsonValue, other: JsonValue): boolean {
  return equalBytes(canonicalJson(one), canonicalJson(other));
}

/** Null where there is none: a sample that leaves something out expects that it is not there. */
export function memberOf(value: JsonValue, name: string): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return null;
  return (value as Readonly<Record<string, JsonValue>>)[name] ?? null;
}

function typeOf({ datatype, shape }: Tensor): string {
  return `${datatype}[${shape.join()}]`;
}

function firstDifference(expected: Tensor, given: Tensor): string {
  const [one, other] = [tensorValues(expected), tensorValues(given)];
  const at = one.findIndex((value, index) => !Object.is(value, other[index]));
  // Two spellings of NaN, or pieces of text.
  return at < 0 ? ' has other bits' : `[${at}] is ${String(other[at])} instead of ${String(one[at])}`;
}

/** How far the farthest value is off, or which one is off by more than it may be. */
function farthestValue(expected: Tensor, given: Tensor, tolerance: number): number | string {
  const [one, other] = [tensorValues(expected), tensorValues(given)];
  let farthest = 0;
  for (const [index, meant] of one.entries()) {
    const value = other[index];
    if (Object.is(meant, value)) continue;
    if (typeof meant !== 'number' || typeof value !== 'number') return firstDifference(expected, given);
    const off = Math.abs(value - meant) / Math.max(1, Math.abs(meant));
    // Not a number is near to nothing.
    if (!(off <= tolerance)) return `[${index}] is ${value} instead of ${meant}`;
    farthest = Math.max(farthest, off);
  }
  return farthest;
}
