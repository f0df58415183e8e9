import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import {
  commitElements,
  evaluateElements,
  FIELD,
  type ProofStatement,
  packTensor,
  pointOfDigest,
  pointPreimage,
  poseidon,
  valuesPerElement,
} from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { integersToTensor } from '../../../wire/message/integers.ts';
import type { Datatype } from '../../../wire/message/tensor.ts';
import { uintWord } from '../../../wire/words.ts';
import { runs } from '../../support/runs.ts';
import { codeOf } from '../codec/support.ts';

const packed = (datatype: Datatype, values: readonly bigint[]): readonly bigint[] =>
  packTensor(integersToTensor({ name: 'x', datatype }, { decimals: 0, shape: [1, values.length], values }));

const TYPES: readonly (readonly [Datatype, number, boolean])[] = [
  ['UINT8', 8, false],
  ['INT8', 8, true],
  ['UINT16', 16, false],
  ['INT16', 16, true],
  ['UINT32', 32, false],
  ['INT32', 32, true],
  ['UINT64', 64, false],
  ['INT64', 64, true],
];

describe('a packed tensor', () => {
  it.each(TYPES)('of %s weighs value k of an element by 2^(%i k)', (datatype, bits, signed) => {
    const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
    const value = fc.bigInt({ min: least, max: least + 2n ** BigInt(bits) - 1n });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 70 }), (values) => {
        const each = Math.floor(248 / bits);
        const expected = Array.from({ length: Math.ceil(values.length / each) }, (_, element) =>
          values
            .slice(element * each, (element + 1) * each)
            .reduce((sum, v, k) => sum + (v - least) * 2n ** BigInt(bits * k), 0n),
        );
        expect(packed(datatype, values)).toEqual(expected);
      }),
      { numRuns: runs(50) },
    );
  });

  it('has BOOL as bytes of 0 and 1', () => {
    expect(packed('BOOL', [1n, 0n, 1n])).toEqual([0x010001n]);
  });

  it('is nothing of floats and of bytes', () => {
    expect(codeOf(() => packed('FP32', [1n]))).toBe('tensor_invalid');
    expect(codeOf(() => packTensor({ name: 'x', datatype: 'BYTES', shape: [0], data: new Uint8Array(0) }))).toBe(
      'tensor_invalid',
    );
  });

  it('is nothing of a tensor whose bytes are not its shape', () => {
    expect(codeOf(() => packTensor({ name: 'x', datatype: 'INT8', shape: [1, 2], data: new Uint8Array(3) }))).toBe(
      'tensor_invalid',
    );
  });

  it('never reaches the prime', () => {
    for (const [datatype, bits, signed] of TYPES) {
      const most = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
      const values = Array.from({ length: valuesPerElement(bits) }, () => most);
      expect(packed(datatype, values).every((element) => element < FIELD)).toBe(true);
    }
  });
});

const salt = sha256(utf8('salt'));

describe('a commitment', () => {
  it('is a chain of permutations that begins with the numbers of elements', () => {
    const word = BigInt(`0x${toHex(salt)}`);
    const begin = BigInt(`0x${toHex(utf8('proofmark commitment v1'))}`) * 2n ** 48n + 3n * 2n ** 24n + 1n;
    const first = poseidon([begin, word / 2n ** 128n, word % 2n ** 128n, 7n, 8n]);
    expect(commitElements({ salt, inputs: [7n, 8n, 9n], outputs: [10n] })).toBe(poseidon([first, 9n, 10n, 0n, 0n]));
  });

  it('of other elements, at another place, or of another salt is another one', () => {
    const inputs = [1n, 2n];
    const all = [
      { salt, inputs, outputs: [3n] },
      { salt, inputs: [1n], outputs: [2n, 3n] },
      { salt, inputs, outputs: [3n, 0n] },
      { salt, inputs: [2n, 1n], outputs: [3n] },
      { salt: sha256(salt), inputs, outputs: [3n] },
    ];
    expect(new Set(all.map(commitElements)).size).toBe(all.length);
  });

  it('has a bound', () => {
    const inputs = Array.from({ length: limits.commitmentElements }, () => 1n);
    expect(codeOf(() => commitElements({ salt, inputs, outputs: [1n] }))).toBe('too_large');
  });

  it.each([-1n, FIELD])('takes no number outside the field, such as %i', (element) => {
    expect(codeOf(() => commitElements({ salt, inputs: [element], outputs: [] }))).toBe('integer_out_of_range');
  });

  it('takes a salt of 32 bytes', () => {
    expect(codeOf(() => commitElements({ salt: salt.slice(1), inputs: [], outputs: [] }))).toBe('word_invalid');
  });
});

const statement: ProofStatement = {
  chainId: 31_337n,
  verifier: salt.slice(0, 20),
  escrow: sha256(utf8('escrow')),
  modelId: sha256(utf8('model')),
  inputHash: sha256(utf8('input')),
  outputHash: sha256(utf8('output')),
  payee: salt.slice(12),
  commitment: uintWord(5n),
};

describe('an evaluation', () => {
  it('is the sum of elements times powers of the point, the first time the point itself', () => {
    expect(evaluateElements([3n, 5n, 7n], 10n)).toBe(3n * 10n + 5n * 100n + 7n * 1_000n);
    expect(evaluateElements([FIELD - 1n], FIELD - 1n)).toBe(1n);
  });

  it('at zero says nothing', () => {
    expect(evaluateElements([3n, 5n, 7n], 0n)).toBe(0n);
  });

  it.each([-1n, FIELD])('takes no number outside the field, such as %i', (number) => {
    expect(codeOf(() => evaluateElements([number], 1n))).toBe('integer_out_of_range');
    expect(codeOf(() => evaluateElements([1n], number))).toBe('integer_out_of_range');
  });
});

describe('the point of a statement', () => {
  it('is made of nine words', () => {
    const hex = toHex(pointPreimage(statement));
    expect(hex.match(/.{64}/g)).toEqual([
      toHex(utf8('proofmark point v1')).padEnd(64, '0'),
      (31_337).toString(16).padStart(64, '0'),
      toHex(statement.verifier).padStart(64, '0'),
      ...[statement.escrow, statement.modelId, statement.inputHash, statement.outputHash].map(toHex),
      toHex(statement.payee).padStart(64, '0'),
      '5'.padStart(64, '0'),
    ]);
  });

  it('is the digest modulo the prime', () => {
    expect(pointOfDigest(uintWord(FIELD + 5n))).toBe(5n);
    expect(pointOfDigest(uintWord(7n))).toBe(7n);
  });

  it('is never zero', () => {
    expect(codeOf(() => pointOfDigest(uintWord(FIELD)))).toBe('integer_out_of_range');
    expect(codeOf(() => pointOfDigest(new Uint8Array(32)))).toBe('integer_out_of_range');
  });
});
