import { describe, expect, it } from 'vitest';
import { compareAnswers, compareTensors } from '../../../cli/model/compare.ts';
import { floatTensor, type Tensor } from '../../../wire/message/tensor.ts';

const of = (...values: readonly number[]): Tensor => floatTensor('y', [values.length], Float32Array.from(values));

describe('an answer of tensors', () => {
  it('is the same bit for bit', () => {
    expect(compareTensors([of(1, 2)], [of(1, 2)], 'exact')).toEqual({ outcome: 'same', farthest: 0 });
    expect(compareTensors([of(0)], [of(-0)], 'exact')).toMatchObject({
      outcome: 'differs',
      where: 'y[0] is 0 instead of 0',
    });
    const next = Math.fround(1 + 2 ** -23);
    expect(compareTensors([of(1)], [of(next)], 'exact').outcome).toBe('differs');
  });

  it('is within a tolerance of one, or of the value where that is larger', () => {
    expect(compareTensors([of(0.5)], [of(0.509)], 0.01).outcome).toBe('within-tolerance');
    expect(compareTensors([of(0.5)], [of(0.511)], 0.01).outcome).toBe('differs');
    expect(compareTensors([of(1_000)], [of(1_009)], 0.01).outcome).toBe('within-tolerance');
    expect(compareTensors([of(1_000)], [of(1_011)], 0.01)).toEqual({
      outcome: 'differs',
      where: 'y[0] is 1011 instead of 1000',
    });
    expect(compareTensors([of(1, 2)], [of(1, 2)], 0)).toEqual({ outcome: 'same', farthest: 0 });
  });

  it('is near to nothing where it is no number', () => {
    expect(compareTensors([of(1)], [of(Number.NaN)], 1e9).outcome).toBe('differs');
    expect(compareTensors([of(1)], [of(Number.POSITIVE_INFINITY)], 1e9).outcome).toBe('differs');
    expect(compareTensors([of(Number.NaN)], [of(1)], 1e9).outcome).toBe('differs');
    expect(compareTensors([of(Number.NaN)], [of(Number.NaN)], 'exact').outcome).toBe('same');
  });

  it('is another one with another name, type, shape or number of outputs', () => {
    const y = of(1, 2);
    for (const given of [
      [],
      [y, y],
      [{ ...y, name: 'z' }],
      [{ ...y, shape: [1, 2] }],
      [{ ...y, datatype: 'INT32' as const }],
    ]) {
      expect(compareTensors([y], given, 1e9).outcome).toBe('differs');
    }
  });

  it('has no tolerance for what is no fraction', () => {
    const wide = (value: bigint): Tensor => ({
      name: 'y',
      datatype: 'INT64',
      shape: [1],
      data: new Uint8Array(BigInt64Array.of(value).buffer),
    });
    expect(compareTensors([wide(5n)], [wide(6n)], 1e9)).toEqual({
      outcome: 'differs',
      where: 'y[0] is 6 instead of 5',
    });
  });
});

describe('an answer in words', () => {
  const said = (content: string, finish = 'stop') => ({
    index: 0,
    message: { role: 'assistant', content },
    finish_reason: finish,
  });

  it('is the same in role, content and why it ends', () => {
    expect(compareAnswers(said('yes'), said('yes')).outcome).toBe('same');
    expect(compareAnswers(said('yes'), said('yes '))).toEqual({
      outcome: 'differs',
      where: 'content is "yes " instead of "yes"',
    });
    expect(compareAnswers(said('yes'), said('yes', 'length')).outcome).toBe('differs');
    expect(compareAnswers(said('yes'), null).outcome).toBe('differs');
  });
});
