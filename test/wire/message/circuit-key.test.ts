import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import {
  CIRCUIT_KEY_BYTES,
  type CircuitKey,
  decodeCircuitKey,
  encodeCircuitKey,
} from '../../../wire/message/circuit-key.ts';
import { tagWord } from '../../../wire/words.ts';
import { trapdoorKey, trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { codeOf, refusalOf } from '../codec/support.ts';

/** Words by their place: tag, r1cs, provingKey, phase1, phase2, input bits signed count, output bits signed count. */
function withWord(place: number, value: bigint): Uint8Array {
  const bytes = Uint8Array.from(trapdoorKeyBytes);
  bytes.set(fromHex(value.toString(16).padStart(64, '0')), 32 * place);
  return bytes;
}

describe('a circuit key', () => {
  it('is 33 words, read back as it was written', () => {
    expect(CIRCUIT_KEY_BYTES).toBe(33 * 32);
    expect(trapdoorKeyBytes).toHaveLength(CIRCUIT_KEY_BYTES);
    expect(decodeCircuitKey(trapdoorKeyBytes)).toEqual(trapdoorKey);
    expect(encodeCircuitKey(decodeCircuitKey(trapdoorKeyBytes))).toEqual(trapdoorKeyBytes);
    expect(trapdoorKeyBytes.subarray(0, 32)).toEqual(tagWord('proofmark circuit v1'));
  });

  it('has its points behind eleven words, in the order of EIP-197', () => {
    const { alpha, beta, gamma, delta, ic } = trapdoorKey.verification;
    const words = [...alpha, ...beta.flat(), ...gamma.flat(), ...delta.flat(), ...ic.flat()].map(toHex).join('');
    expect(toHex(trapdoorKeyBytes.subarray(11 * 32))).toBe(words);
  });

  it('is a copy, also of what lies in a buffer', () => {
    const buffer = Buffer.from(trapdoorKeyBytes);
    const key = decodeCircuitKey(buffer);
    buffer.fill(0);
    expect(key).toEqual(trapdoorKey);
  });

  it('has one length', () => {
    expect(codeOf(() => decodeCircuitKey(trapdoorKeyBytes.subarray(1)))).toBe('truncated');
    expect(codeOf(() => decodeCircuitKey(new Uint8Array(CIRCUIT_KEY_BYTES + 1)))).toBe('trailing_bytes');
    expect(codeOf(() => decodeCircuitKey(new Uint8Array(0)))).toBe('truncated');
  });

  it.each<readonly [string, number, bigint, string, string]>([
    ['another tag', 0, 1n, 'tag_mismatch', 'tag'],
    ['nobody in the first phase', 3, 0n, 'field_invalid', 'phase1'],
    ['nobody in the second phase', 4, 0n, 'field_invalid', 'phase2'],
    ['more parties than there are', 3, 2n ** 32n, 'integer_out_of_range', 'phase1'],
    ['integers of nine bits', 5, 9n, 'field_invalid', 'input'],
    ['integers of no bits', 8, 0n, 'field_invalid', 'output'],
    ['a sign that is neither', 6, 2n, 'integer_out_of_range', 'inputSigned'],
    ['no input', 7, 0n, 'field_invalid', 'input'],
    ['too many outputs', 10, BigInt(limits.circuitValues + 1), 'field_invalid', 'output'],
  ])('with %s is refused', (_, place, value, code, field) => {
    expect(refusalOf(() => decodeCircuitKey(withWord(place, value)))).toMatchObject({ code, place: { field } });
  });

  it('is not written either with what nobody would read', () => {
    const changes: readonly Partial<CircuitKey>[] = [
      { phase1: 0 },
      { input: { ...trapdoorKey.input, bits: 12 } },
      { output: { ...trapdoorKey.output, count: 1.5 } },
    ];
    for (const change of changes) {
      expect(codeOf(() => encodeCircuitKey({ ...trapdoorKey, ...change }))).toBe('field_invalid');
    }
    const short = { ...trapdoorKey, r1cs: new Uint8Array(31) };
    expect(codeOf(() => encodeCircuitKey(short))).toBe('word_invalid');
  });

  it('takes the widest', () => {
    const widest = { bits: 64, signed: true, count: limits.circuitValues };
    const key = { ...trapdoorKey, input: widest, output: widest };
    expect(decodeCircuitKey(encodeCircuitKey(key))).toEqual(key);
  });
});
