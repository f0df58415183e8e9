import { describe, expect, it } from 'vitest';
import { agreementOf } from '../../../../../../host/console/page/views/play/tensor/agreement.ts';
import { floatTensor, type Tensor } from '../../../../../../wire/message/tensor.ts';

const y = (...values: readonly number[]): Tensor => floatTensor('y', [values.length], values);

describe('an answer beside the one that its publisher expects', () => {
  it('has the same bits, is so far away, or is another', () => {
    expect(agreementOf([y(1, 2), y(3)], [y(1, 2)])).toEqual({ kind: 'same-bits' });
    expect(agreementOf([y(1, 2.5)], [y(1, 2)])).toEqual({ kind: 'close', largest: 0.5 });
    expect(agreementOf([y(0)], [y(-0)])).toEqual({ kind: 'close', largest: 0 });
    expect(agreementOf([], [y(1)])).toEqual({ kind: 'different', detail: 'y is missing' });
    expect(agreementOf([y(1)], [y(1, 2)])).toEqual({ kind: 'different', detail: 'y is FP32[1]' });
    expect(agreementOf([y(Number.NaN)], [y(1)])).toEqual({ kind: 'different', detail: 'y has other values' });
    const text = (value: number): Tensor => ({ name: 'y', datatype: 'BOOL', shape: [1], data: Uint8Array.of(value) });
    expect(agreementOf([text(1)], [text(0)])).toEqual({ kind: 'different', detail: 'y has other values' });
  });
});
