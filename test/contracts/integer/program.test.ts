import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedBits } from '../../../contracts/integer/bounds.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { packed, packingOf } from '../../../contracts/integer/evm/lanes.ts';
import type { Tree } from '../../../contracts/integer/forest.ts';
import { programLimits } from '../../../contracts/integer/limits.ts';
import { type Dense, type Draft, parseProgram } from '../../../contracts/integer/program.ts';

const byte = { least: 0n, most: 255n };
const dense: Dense = { kind: 'dense', weights: [[1n, -2n]], bias: [3n], rectify: 'none' };
const draft = (layers: Draft['layers'], range = byte, count = 2): Draft => ({ inputs: { count, range }, layers });
const leaf = (value: bigint): Tree => ({ leaf: [value] });
const forest = (trees: readonly Tree[]): Draft => draft([{ kind: 'forest', base: [0n], trees }]);
const stump = (feature: number, threshold = 1n): Tree => ({ feature, threshold, yes: leaf(1n), no: leaf(2n) });
const deep = (depth: number): Tree => (depth === 0 ? leaf(1n) : ({ ...stump(0), yes: deep(depth - 1) } as Tree));

describe('the bounds of a program', () => {
  it('are met by some input, and passed by none', () => {
    const { outputs, layers } = parseProgram(
      draft([dense, { ...dense, weights: [[5n]], rectify: { shift: 1, most: 9n } }]),
    );
    expect(layers[0]?.sums).toEqual([{ least: 3n - 510n, most: 258n }]);
    expect(layers[1]?.sums).toEqual([{ least: 3n - 507n * 5n, most: 1_293n }]);
    expect(outputs).toEqual([{ least: 0n, most: 9n }]);
    expect(parseProgram(forest([stump(0), stump(1)])).outputs).toEqual([{ least: 2n, most: 4n }]);
  });

  it('hold whatever is computed', () => {
    const number = fc.bigInt({ min: -128n, max: 127n });
    const row = fc.array(number, { minLength: 3, maxLength: 3 });
    const values = fc.array(fc.bigInt({ min: 0n, max: 255n }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 6 }),
        values,
        fc.integer({ min: 0, max: 9 }),
        (weights, x, shift) => {
          const bias = weights.map((own) => own[0] as bigint);
          const layer: Dense = { kind: 'dense', weights, bias, rectify: { shift, most: 200n } };
          const program = parseProgram(draft([layer], byte, 3));
          evaluate(program, x).forEach((value, at) => {
            const { least, most } = program.outputs[at] as { least: bigint; most: bigint };
            expect(value >= least && value <= most).toBe(true);
          });
        },
      ),
    );
  });
});

describe('a draft that is no program', () => {
  it.each([
    ['no input', draft([dense], byte, 0), 'program_too_large'],
    ['more inputs than allowed', draft([dense], byte, programLimits.width + 1), 'program_too_large'],
    ['no layer', draft([]), 'program_too_large'],
    ['more layers than allowed', draft(new Array(programLimits.layers + 1).fill(dense)), 'program_too_large'],
    [
      'more weights than allowed',
      draft(
        [{ ...dense, weights: new Array(600).fill(new Array(2_000).fill(0n)), bias: new Array(600).fill(0n) }],
        byte,
        2_000,
      ),
      'program_too_large',
    ],
    ['a tree that is too deep', forest([deep(programLimits.depth + 1)]), 'program_too_large'],
    ['inputs without a range', draft([dense], { least: 1n, most: 0n }), 'program_number'],
    ['inputs beyond 32 bits', draft([dense], { least: 0n, most: 2n ** 31n }), 'program_number'],
    ['a weight beyond 32 bits', draft([{ ...dense, weights: [[2n ** 31n, 0n]] }]), 'program_number'],
    ['a threshold beyond 32 bits', forest([stump(0, 2n ** 31n)]), 'program_number'],
    ['a shift that is none', draft([{ ...dense, rectify: { shift: -1, most: 'any' } }]), 'program_number'],
    ['a bound below zero', draft([{ ...dense, rectify: { shift: 0, most: -1n } }]), 'program_number'],
    ['a row that is too short', draft([{ ...dense, weights: [[1n]] }]), 'program_shape'],
    ['a bias that is missing', draft([{ ...dense, bias: [] }]), 'program_shape'],
    ['a branch on no value', forest([stump(2)]), 'program_shape'],
    ['a leaf without a value', forest([{ leaf: [] }]), 'program_shape'],
    ['no tree', forest([]), 'program_shape'],
    // The whole sum fits; what an accumulator holds on the way does not.
    [
      'a partial sum beyond 32 bits',
      draft([{ ...dense, weights: [[2n ** 23n, 1n]], bias: [-(2n ** 31n) - 0n] }], { least: 0n, most: 257n }),
      'program_overflow',
    ],
    ['leaves that a float rounds', forest([leaf(2n ** 24n), leaf(1n)]), 'program_overflow'],
    [
      'values that a float rounds',
      draft([{ kind: 'forest', base: [0n], trees: [stump(0)] }], { least: 0n, most: 2n ** 25n }),
      'program_overflow',
    ],
  ] as const)('is refused for %s', (_, given, code) => {
    expect(() => parseProgram(given)).toThrow(expect.objectContaining({ code }));
  });

  it('is not asked about inputs that it does not take', () => {
    const program = parseProgram(draft([dense]));
    expect(evaluate(program, [255n, 0n])).toEqual([258n]);
    for (const values of [[0n], [0n, 0n, 0n], [256n, 0n], [0n, -1n]]) {
      expect(() => evaluate(program, values)).toThrow(expect.objectContaining({ code: 'input_invalid' }));
    }
  });
});

describe('lanes of a word', () => {
  it('hold every sum exactly, whatever wraps on the way', () => {
    const side = fc.integer({ min: 1, max: 20 });
    const weight = fc.oneof(fc.bigInt({ min: -64n, max: 64n }), fc.constantFrom(-(2n ** 17n), 2n ** 17n, 0n));
    const x = fc.oneof(fc.bigInt({ min: 0n, max: 255n }), fc.constantFrom(0n, 255n));
    const sized = fc.tuple(side, side).chain(([inputs, outputs]) =>
      fc.record({
        weights: fc.array(fc.array(weight, { minLength: inputs, maxLength: inputs }), {
          minLength: outputs,
          maxLength: outputs,
        }),
        values: fc.array(x, { minLength: inputs, maxLength: inputs }),
      }),
    );
    fc.assert(
      fc.property(sized, ({ weights, values }) => {
        const bias = weights.map((row) => row[0] as bigint);
        const program = parseProgram(draft([{ kind: 'dense', weights, bias, rectify: 'none' }], byte, values.length));
        const [layer] = program.layers;
        const { bits, lanesPerWord, words } = packingOf(layer?.sums ?? []);
        expect(lanesPerWord * bits).toBeLessThanOrEqual(256);
        const half = 2n ** BigInt(bits - 1);
        const found: bigint[] = [];
        for (let word = 0; word < words; word++) {
          const rows = weights.slice(word * lanesPerWord, (word + 1) * lanesPerWord);
          const start = packed(
            rows.map((row) => (row[0] as bigint) + half),
            bits,
          );
          const total = values.reduce((all, value, from) => {
            const column = packed(
              rows.map((row) => row[from] as bigint),
              bits,
            );
            return BigInt.asUintN(256, all + value * column);
          }, start);
          found.push(...rows.map((_, lane) => ((total >> BigInt(lane * bits)) & (2n * half - 1n)) - half));
        }
        expect(found).toEqual(evaluate(program, values));
      }),
      { numRuns: 300 },
    );
  });

  it('have room for the least and the most', () => {
    expect([-129n, -128n, -1n, 0n].map((least) => signedBits({ least, most: 0n }))).toEqual([9, 8, 1, 1]);
    expect([0n, 1n, 127n, 128n].map((most) => signedBits({ least: 0n, most }))).toEqual([1, 2, 8, 9]);
  });
});
