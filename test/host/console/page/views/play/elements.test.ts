import { describe, expect, it } from 'vitest';
import { cellText, emptyCell, encodeCells } from '../../../../../../host/console/page/views/play/tensor/elements.ts';
import { toHex, utf8 } from '../../../../../../wire/bytes.ts';
import { type Datatype, datatypes, type Tensor, tensorValues } from '../../../../../../wire/message/tensor.ts';

function written(datatype: Datatype, ...cells: readonly string[]): string {
  const encoded = encodeCells(datatype, cells);
  return 'data' in encoded ? toHex(encoded.data) : `${encoded.cell} ${encoded.detail}`;
}

describe('an element of a tensor, written by hand', () => {
  it.each<readonly [Datatype, readonly string[], string]>([
    ['BOOL', ['true', 'False', '1', '0'], '01000100'],
    ['UINT8', ['0', '255'], '00ff'],
    ['INT8', ['-128', '+127'], '807f'],
    ['UINT16', ['258'], '0201'],
    ['INT16', ['-2'], 'feff'],
    ['UINT32', ['4294967295'], 'ffffffff'],
    ['INT32', ['-2147483648'], '00000080'],
    ['UINT64', ['18446744073709551615'], 'ffffffffffffffff'],
    ['INT64', ['-9223372036854775808', ' 9007199254740993 '], '00000000000000800100000000002000'],
    ['FP32', ['1.5', '-0', 'inf', '-Infinity'], '0000c03f000000800000807f000080ff'],
    ['FP64', ['.5', '1e3'], '000000000000e03f0000000000408f40'],
    ['FP16', ['1', '65504', '65520', '5.9604644775390625e-8', '-0', 'NaN'], '003cff7b007c01000080007e'],
    ['BF16', ['1', '3.3895313892515355e38', '3.4e38'], '803f7f7f807f'],
    ['BYTES', ['é', ''], '02000000c3a900000000'],
  ])('is written as %s', (datatype, cells, hex) => {
    expect(written(datatype, ...cells)).toBe(hex);
  });

  it.each<readonly [Datatype, string, string]>([
    ['BOOL', 'yes', 'is neither true nor false'],
    ['BOOL', 'constructor', 'is neither true nor false'],
    ['UINT8', '256', 'is not between 0 and 255'],
    ['UINT8', '-1', 'is not between 0 and 255'],
    ['INT64', '9223372036854775808', 'is not between -9223372036854775808 and 9223372036854775807'],
    ['INT32', '1.0', 'is no whole number'],
    ['INT32', '', 'is no whole number'],
    ['INT32', '1e3', 'is no whole number'],
    ['FP32', '', 'is no number'],
    ['FP32', '0x10', 'is no number'],
    ['FP32', '1,5', 'is no number'],
    ['FP32', 'toString', 'is no number'],
    ['FP64', '1e999', 'is larger than any number of this type'],
  ])('is refused as %s: %s', (datatype, text, detail) => {
    expect(written(datatype, emptyCell(datatype), text)).toBe(`1 ${detail}`);
  });

  it.each(['FP16', 'BF16'] as const)('of every value of %s is read back from its text', (datatype) => {
    const data = new Uint8Array(2 * 65_536);
    for (let bits = 0; bits < 65_536; bits++) new DataView(data.buffer).setUint16(2 * bits, bits, true);
    const values = tensorValues({ name: 'x', datatype, shape: [65_536], data }) as number[];
    const again = encodeCells(
      datatype,
      values.map((value) => cellText(datatype, value)),
    );
    const read = 'data' in again ? tensorValues({ name: 'x', datatype, shape: [65_536], data: again.data }) : [];
    expect(read.length).toBe(values.length);
    // Of NaN there are many, and one text.
    expect(values.every((value, at) => Object.is(value, read[at]))).toBe(true);
  });

  it('lies half way between two of sixteen bits and goes to the even one', () => {
    // 1 + 2^-11 and 1 + 3 * 2^-11 are half way between neighbours of FP16.
    expect(written('FP16', '1.00048828125', '1.00146484375')).toBe('003c023c');
    // Just above half way, by less than a single has: one that rounds twice goes down.
    expect(written('FP16', '1.000488281250000001', '1.0004882812500002')).toBe('003c013c');
  });

  it('is shown as the shortest text that means it', () => {
    const singles = Float32Array.of(0.1, 1 / 3, 16_777_216, 1e-45, -0);
    const tensor: Tensor = { name: 'x', datatype: 'FP32', shape: [5], data: new Uint8Array(singles.buffer) };
    expect((tensorValues(tensor) as number[]).map((value) => cellText('FP32', value))).toEqual([
      '0.1',
      '0.33333334',
      '16777216',
      '1e-45',
      '-0',
    ]);
    expect(cellText('INT64', 9_007_199_254_740_993n)).toBe('9007199254740993');
    expect(cellText('BOOL', true)).toBe('true');
    expect(cellText('BYTES', utf8('text'))).toBe('text');
    expect(cellText('FP64', 0.1)).toBe('0.1');
  });

  it('is nothing in every type', () => {
    for (const datatype of datatypes) {
      expect('data' in encodeCells(datatype, [emptyCell(datatype)]), datatype).toBe(true);
    }
  });
});
