import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pageUrl } from './pages.ts';

const read = (path: string): string => readFileSync(pageUrl(path), 'utf8');
const page = read('docs/protocol.md');

/** A second implementation that knows the page and nothing else, nothing of wire/ either. */
function said(pattern: RegExp): readonly string[] {
  const found = pattern.exec(page);
  if (found === null) throw new Error(`the page does not say ${pattern}`);
  return found.slice(1);
}

const row = (name: string): bigint => BigInt(said(new RegExp(`^\\| ${name} \\| (\\d+) \\|$`, 'm'))[0] ?? '');
const p = row('p, the prime');
const bitsOfP = Number(row('bits of p'));
const cells = Number(row('cells'));
const full = Number(row('full rounds'));
const partial = Number(row('partial rounds'));
const taps = [...(said(/makes the bit\n((?:b\[\d+\](?: ⊕ )?)+)/)[0] ?? '').matchAll(/\d+/g)].map(Number);
const dropped = Number(said(/After (\d+) steps whose bits are dropped/)[0]);
const ones = Number(said(/, and (\d+) ones\./)[0]);
const forms = new Map(
  [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (yes|no) \| (\d+) \|$/gm)].map(([, name = '', bits, signed, each]) => [
    name,
    { bits: BigInt(bits ?? ''), signed: signed === 'yes', each: Number(each) },
  ]),
);

function binary(value: number, length: number): string {
  return value.toString(2).padStart(length, '0');
}

function* numbers(): Generator<bigint> {
  let register =
    binary(1, 2) + binary(0, 4) + binary(bitsOfP, 12) + binary(cells, 12) + binary(full, 10) + binary(partial, 10);
  register += '1'.repeat(ones);
  expect(register).toHaveLength(80);
  const bits = [...register].map(Number);
  const step = (): number => {
    const bit = taps.reduce((sum, tap) => sum ^ (bits[tap] as number), 0);
    bits.shift();
    bits.push(bit);
    return bit;
  };
  for (let i = 0; i < dropped; i++) step();
  for (;;) {
    let text = '';
    while (text.length < bitsOfP) {
      const [first, second] = [step(), step()];
      if (first === 1) text += second;
    }
    yield BigInt(`0b${text}`);
  }
}

function inverse(value: bigint): bigint {
  // By Euclid.
  let [a, b, u, v] = [value % p, p, 1n, 0n];
  while (a !== 0n) {
    const quotient = b / a;
    [a, b, u, v] = [b % a, a, v - quotient * u, u];
  }
  return ((v % p) + p) % p;
}

function parameters(): { readonly constants: readonly bigint[]; readonly matrix: readonly (readonly bigint[])[] } {
  const drawn = numbers();
  const next = (): bigint => drawn.next().value as bigint;
  const constants: bigint[] = [];
  while (constants.length < cells * (full + partial)) {
    const number = next();
    if (number < p) constants.push(number);
  }
  const x = Array.from({ length: cells }, () => next() % p);
  const y = Array.from({ length: cells }, () => next() % p);
  return { constants, matrix: x.map((one) => y.map((other) => inverse(one + other))) };
}

const { constants, matrix } = parameters();

function permuted(inputs: readonly bigint[]): bigint {
  let state = [0n, ...inputs];
  for (let round = 0; round < full + partial; round++) {
    const isFull = round < full / 2 || round >= full / 2 + partial;
    const raised = state.map((cell, i) => {
      const sum = cell + (constants[cells * round + i] as bigint);
      return isFull || i === 0 ? sum ** 5n % p : sum;
    });
    state = matrix.map((line) => line.reduce((sum, m, j) => (sum + m * (raised[j] as bigint)) % p, 0n));
  }
  return state[0] as bigint;
}

interface Values {
  readonly datatype: string;
  readonly values: readonly string[];
}

function elements({ datatype, values }: Values): readonly bigint[] {
  const form = forms.get(datatype);
  if (form === undefined) throw new Error(`the page has no ${datatype}`);
  const { bits, signed, each } = form;
  const lifted = values.map((value) => BigInt(value) + (signed ? 2n ** (bits - 1n) : 0n));
  const count = Math.ceil(lifted.length / each);
  return Array.from({ length: count }, (_, place) =>
    lifted.slice(place * each, (place + 1) * each).reduce((sum, v, k) => sum + v * 2n ** (bits * BigInt(k)), 0n),
  );
}

interface Vector {
  readonly poseidon: {
    readonly matrix: readonly (readonly string[])[];
    readonly first: string;
    readonly last: string;
    readonly permutations: readonly { readonly inputs: readonly string[]; readonly output: string }[];
  };
  readonly packed: readonly (Values & { readonly elements: readonly string[] })[];
  readonly commitments: readonly {
    readonly salt: string;
    readonly inputs: readonly Values[];
    readonly outputs: readonly Values[];
    readonly commitment: string;
    readonly evaluation: { readonly point: string; readonly value: string };
  }[];
}

const vector = JSON.parse(read('attestations/vectors/wire/commitments.json')) as Vector;

test('whoever knows the page alone makes the constants and permutations of the vectors', () => {
  expect([String(constants[0]), String(constants.at(-1))]).toEqual([vector.poseidon.first, vector.poseidon.last]);
  expect(matrix.map((line) => line.map(String))).toEqual(vector.poseidon.matrix);
  for (const { inputs, output } of vector.poseidon.permutations) {
    expect(String(permuted(inputs.map(BigInt)))).toBe(output);
  }
});

test('and elements, commitments and evaluations', () => {
  const [tag = '', high = '', low = ''] = said(
    /ASCII bytes "([^"]+)" \(without padding\) × 2\^(\d+)[\s\S]*? × 2\^(\d+)/,
  );
  for (const packed of vector.packed) expect(elements(packed).map(String)).toEqual(packed.elements);
  for (const { salt, inputs, outputs, commitment, evaluation } of vector.commitments) {
    const [given, answered] = [inputs.flatMap(elements), outputs.flatMap(elements)];
    const number = BigInt(`0x${Buffer.from(tag, 'ascii').toString('hex')}`);
    let s = number * 2n ** BigInt(high) + BigInt(given.length) * 2n ** BigInt(low) + BigInt(answered.length);
    const all = [...given, ...answered];
    const sequence = [BigInt(`0x${salt.slice(0, 32)}`), BigInt(`0x${salt.slice(32)}`), ...all];
    while (sequence.length % 4 !== 0) sequence.push(0n);
    for (let at = 0; at < sequence.length; at += 4) s = permuted([s, ...sequence.slice(at, at + 4)]);
    expect(s.toString(16).padStart(64, '0')).toBe(commitment);
    const point = BigInt(evaluation.point);
    const sum = all.reduce((total, element, i) => total + element * point ** BigInt(i + 1), 0n);
    expect(String(sum % p)).toBe(evaluation.value);
  }
  expect(vector.commitments.length).toBeGreaterThan(1);
});
