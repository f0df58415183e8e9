import { BoundError, floorDivide, type Interval, interval } from './interval.ts';

/**
 * One EVM word of the generated code: an expression tree whose every node carries the values it can take. Nodes are
 * made only by the functions below, and those refuse to make one that could wrap: a tree that exists is proven.
 */
export type Word =
  | { readonly kind: 'literal'; readonly value: bigint; readonly range: Interval }
  /** A variable, or a read that the tree does not look into (mload, calldataload). */
  | { readonly kind: 'given'; readonly text: string; readonly range: Interval }
  | { readonly kind: 'apply'; readonly opcode: Opcode; readonly args: readonly Word[]; readonly range: Interval };

export type Opcode = 'add' | 'sub' | 'mul' | 'mulmod' | 'addmod' | 'and' | 'or' | 'shl' | 'shr' | 'lt';

export const WORD_SIZE: bigint = 2n ** 256n;
const ANY_WORD: Interval = interval(0n, WORD_SIZE - 1n);

export function literal(value: bigint): Word {
  if (value < 0n || value >= WORD_SIZE) throw new BoundError(`${value} is no word`);
  return { kind: 'literal', value, range: interval(value, value) };
}

export const given = (text: string, range: Interval = ANY_WORD): Word => ({ kind: 'given', text, range });

function apply(opcode: Opcode, args: readonly Word[], range: Interval): Word {
  if (range.min < 0n || range.max >= WORD_SIZE)
    throw new BoundError(`${opcode} can leave a word: ${range.min} to ${range.max}`);
  return { kind: 'apply', opcode, args, range };
}

/** A plain sum of unreduced residues. It must not wrap, since wrapping is only right modulo 2^256. */
export const exactSum = (a: Word, b: Word): Word =>
  apply('add', [a, b], interval(a.range.min + b.range.min, a.range.max + b.range.max));

/** a - b where a is never the smaller one. */
export const exactDifference = (a: Word, b: Word): Word =>
  apply('sub', [a, b], interval(a.range.min - b.range.max, a.range.max - b.range.min));

/** A value congruent to a - b: the least multiple of the modulus that keeps it positive is added. */
export function residueDifference(a: Word, b: Word, modulus: bigint): Word {
  const missing = b.range.max - a.range.min;
  const multiple = missing <= 0n ? 0n : -floorDivide(-missing, modulus) * modulus;
  if (multiple === 0n) return exactDifference(a, b);
  if (a.kind === 'literal') return exactDifference(literal(a.value + multiple), b);
  return exactSum(a, exactDifference(literal(leastMultiple(b.range.max, modulus)), b));
}

const leastMultiple = (bound: bigint, modulus: bigint): bigint => -floorDivide(-bound, modulus) * modulus;

export const exactProduct = (a: Word, b: Word): Word =>
  apply('mul', [a, b], interval(a.range.min * b.range.min, a.range.max * b.range.max));

export const shiftLeft = (amount: number, a: Word): Word =>
  apply('shl', [literal(BigInt(amount)), a], interval(a.range.min << BigInt(amount), a.range.max << BigInt(amount)));

export const lowBits = (count: number, a: Word): Word =>
  apply('and', [a, literal(2n ** BigInt(count) - 1n)], interval(0n, 2n ** BigInt(count) - 1n));

export const shiftRight = (amount: number, a: Word): Word =>
  apply('shr', [literal(BigInt(amount)), a], interval(0n, a.range.max >> BigInt(amount)));

export const productModulo = (a: Word, b: Word, modulus: bigint): Word =>
  apply('mulmod', [a, b, literal(modulus)], interval(0n, modulus - 1n));

export const sumModulo = (a: Word, b: Word, modulus: bigint): Word =>
  apply('addmod', [a, b, literal(modulus)], interval(0n, modulus - 1n));

export const either = (a: Word, b: Word): Word => apply('or', [a, b], ANY_WORD);

export const below = (a: Word, b: Word): Word => apply('lt', [a, b], interval(0n, 1n));

/** Arithmetic modulo 2^256 on purpose: residues of the first modulus, whose wrapping is the EVM's own. */
export const wrapping = {
  sum: (a: Word, b: Word): Word => apply('add', [a, b], ANY_WORD),
  difference: (a: Word, b: Word): Word => apply('sub', [a, b], ANY_WORD),
  product: (a: Word, b: Word): Word => apply('mul', [a, b], ANY_WORD),
  shiftLeft: (amount: number, a: Word): Word => apply('shl', [literal(BigInt(amount)), a], ANY_WORD),
} as const;

export function render(word: Word): string {
  switch (word.kind) {
    case 'literal':
      return `0x${word.value.toString(16)}`;
    case 'given':
      return word.text;
    case 'apply':
      return `${word.opcode}(${inOrder(word.opcode, word.args).map(render).join(', ')})`;
  }
}

const COMMUTES: ReadonlySet<Opcode> = new Set(['add', 'mul', 'mulmod', 'addmod', 'and', 'or']);

/**
 * Yul evaluates arguments from right to left. What needs most room is put where it is evaluated first, so that variables
 * below stay within the sixteen words that the EVM can reach (Sethi and Ullman's order). A modulus keeps its place.
 */
function inOrder(opcode: Opcode, args: readonly Word[]): readonly Word[] {
  const [a, b, ...rest] = args;
  if (a === undefined || b === undefined || !COMMUTES.has(opcode) || room(a) <= room(b)) return args;
  return [b, a, ...rest];
}

/** Stack words that evaluating takes, its result included. */
function room(word: Word): number {
  if (word.kind !== 'apply') return 1;
  const args = inOrder(word.opcode, word.args);
  return Math.max(...args.map((arg, index) => room(arg) + args.length - 1 - index));
}

/**
 * What the EVM would compute, with every node's value held against its range: a second look at the intervals, by
 * example instead of by proof.
 */
export function evaluate(word: Word, read: (text: string) => bigint): bigint {
  const value = compute(word, read);
  if (value < word.range.min || value > word.range.max)
    throw new BoundError(`${render(word)} is ${value}, outside ${word.range.min} to ${word.range.max}`);
  return value;
}

function compute(word: Word, read: (text: string) => bigint): bigint {
  if (word.kind === 'literal') return word.value;
  if (word.kind === 'given') return read(word.text);
  const [a = 0n, b = 0n, c = 1n] = word.args.map((arg) => evaluate(arg, read));
  switch (word.opcode) {
    case 'add':
      return BigInt.asUintN(256, a + b);
    case 'sub':
      return BigInt.asUintN(256, a - b);
    case 'mul':
      return BigInt.asUintN(256, a * b);
    case 'mulmod':
      return (a * b) % c;
    case 'addmod':
      return (a + b) % c;
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'shl':
      return BigInt.asUintN(256, b << a);
    case 'shr':
      return b >> a;
    case 'lt':
      return a < b ? 1n : 0n;
  }
}
