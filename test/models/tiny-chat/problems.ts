import { utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { chance } from '../../enclave/worker/model/language/requests.ts';

/**
 * Held-out problems of `models/tiny-chat`, by the rules of its card and not by its scripts: what a training must not have
 * seen, and the whole text that is the right answer.
 */
export interface Problem {
  readonly prompt: string;
  readonly answer: string;
}

export const tasks = ['add', 'subtract', 'convert'] as const;
export type Task = (typeof tasks)[number];

const LARGEST = 999;
/** Of 256: about ten per cent. */
const HELD_OUT_BELOW = 26;

type Numbers = (a: number, b: number) => string;
const additions: readonly Numbers[] = [
  (a, b) => `What is ${a} + ${b}?`,
  (a, b) => `${a} + ${b}`,
  (a, b) => `${a}+${b}=`,
  (a, b) => `Add ${a} and ${b}.`,
  (a, b) => `Please compute ${a} plus ${b}.`,
];
const subtractions: readonly Numbers[] = [
  (a, b) => `What is ${a} - ${b}?`,
  (a, b) => `${a} - ${b}`,
  (a, b) => `${a}-${b}=`,
  (a, b) => `Please compute ${a} minus ${b}.`,
];

type Amount = (n: number, from: string, to: string) => string;
const conversions: readonly Amount[] = [
  (n, from, to) => `Convert ${n} ${from} to ${to}.`,
  (n, from, to) => `How many ${to} are in ${n} ${from}?`,
  (n, from, to) => `What is ${n} ${from} in ${to}?`,
];
const units = [
  ['km', 'm', 1000],
  ['m', 'cm', 100],
  ['kg', 'g', 1000],
  ['hours', 'minutes', 60],
  ['minutes', 'seconds', 60],
  ['weeks', 'days', 7],
  ['days', 'hours', 24],
  ['feet', 'inches', 12],
  ['yards', 'feet', 3],
] as const;

/** Different prompts, drawn alike on every machine. */
export function heldOutProblems(task: Task, count: number): readonly Problem[] {
  const next = chance(1 + tasks.indexOf(task));
  const upTo = (most: number): number => Math.floor(next() * (most + 1));
  const oneOf = <T>(list: readonly T[]): T => list[upTo(list.length - 1)] as T;
  const found = new Map<string, Problem>();
  while (found.size < count) {
    const { key, prompt, answer } = draw(task, upTo, oneOf);
    if ((sha256(utf8(key))[0] as number) < HELD_OUT_BELOW) found.set(prompt, { prompt, answer });
  }
  return [...found.values()];
}

function draw(
  task: Task,
  upTo: (most: number) => number,
  oneOf: <T>(list: readonly T[]) => T,
): Problem & { readonly key: string } {
  if (task === 'convert') {
    const [from, to, factor] = oneOf(units);
    const n = 2 + upTo(LARGEST - 2);
    const answer = `${multiplied(n, factor)} ${to}`;
    return { key: `convert ${from} ${to} ${n}`, prompt: oneOf(conversions)(n, from, to), answer };
  }
  const [a, b] = [upTo(LARGEST), upTo(LARGEST)];
  const [less, more] = [Math.min(a, b), Math.max(a, b)];
  return task === 'add'
    ? { key: `add ${less} ${more}`, prompt: oneOf(additions)(a, b), answer: added(a, b) }
    : { key: `subtract ${more} ${less}`, prompt: oneOf(subtractions)(more, less), answer: subtracted(more, less) };
}

/** From the ones up; beyond its own digits a number has zeros. */
function columns(...numbers: readonly [number, ...number[]]): readonly (readonly number[])[] {
  const length = Math.max(...numbers.map((n) => String(n).length));
  return Array.from({ length }, (_, column) => numbers.map((n) => Math.floor(n / 10 ** column) % 10));
}

function added(a: number, b: number): string {
  let carry = 0;
  const work = columns(a, b).map(([x = 0, y = 0]) => {
    const sum = x + y + carry;
    const step = `${x}+${y}${carry === 0 ? '' : '+1'}=${sum}`;
    carry = Math.floor(sum / 10);
    return step;
  });
  return `${work.join(', ')}: ${a + b}`;
}

function subtracted(a: number, b: number): string {
  let borrowed = 0;
  const work = columns(a, b).map(([x = 0, y = 0]) => {
    const upper = x - y - borrowed < 0 ? x + 10 : x;
    const step = `${upper}-${y}${borrowed === 0 ? '' : '-1'}=${upper - y - borrowed}`;
    borrowed = upper === x ? 0 : 1;
    return step;
  });
  return `${work.join(', ')}: ${a - b}`;
}

function multiplied(n: number, factor: number): string {
  if (factor === 100 || factor === 1000) return String(n * factor);
  const by = factor % 10 === 0 ? factor / 10 : factor;
  let carry = 0;
  const work = columns(n).map(([x = 0]) => {
    const product = x * by + carry;
    const step = `${x}x${by}${carry === 0 ? '' : `+${carry}`}=${product}`;
    carry = Math.floor(product / 10);
    return step;
  });
  return `${work.join(', ')}: ${n * factor}`;
}
