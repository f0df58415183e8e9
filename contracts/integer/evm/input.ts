import type { Program } from '../program.ts';
import { indented, literal, placeAt, wordAt } from './text.ts';

/** From this many inputs on, they are looked at in a loop. */
const LOOPED = 64;

/** Yul that finds whether every one of the words at `x` is an integer of the range; leaves it in `valid`. */
export function rangeCode({ count, range }: Program['inputs']): readonly string[] {
  const span = range.most - range.least;
  const isPower = (span & (span + 1n)) === 0n;
  const above = (pointer: string, index: number): string => {
    const word = wordAt(pointer, index);
    const moved = range.least === 0n ? word : `sub(${word}, ${literal(range.least)})`;
    return isPower ? moved : `gt(${moved}, ${literal(span)})`;
  };
  const look = (pointer: string, index: number): string => `seen := or(seen, ${above(pointer, index)})`;
  const looped = count < LOOPED ? 0 : count - (count % 8);
  const loop = [
    `for { let end := ${placeAt('x', looped)} } lt(x, end) { x := add(x, 0x0100) } {`,
    ...indented(Array.from({ length: 8 }, (_, index) => look('x', index))),
    '}',
  ];
  return [
    'let seen := 0',
    ...(looped === 0 ? [] : loop),
    ...Array.from({ length: count - looped }, (_, index) => look('x', index)),
    isPower ? `valid := and(valid, lt(seen, ${literal(span + 1n)}))` : 'valid := and(valid, iszero(seen))',
  ];
}
