import { FIELD, integerForm, poseidonParameters, valuesPerElement } from '../../../wire/commitment/index.ts';
import { datatypes } from '../../../wire/message/tensor.ts';
import { code, table } from '../markers.ts';

function poseidonTable(): string {
  const { fullRounds, partialRounds, matrix } = poseidonParameters(5);
  const rows = [
    ['p, the prime', String(FIELD)],
    ['bits of p', String(FIELD.toString(2).length)],
    ['cells', String(matrix.length)],
    ['full rounds', String(fullRounds)],
    ['partial rounds', String(partialRounds)],
  ];
  return table(['what', 'value'], rows);
}

function formTable(): string {
  const rows = datatypes.flatMap((datatype) => {
    const form = integerForm(datatype);
    if (form === undefined) return [];
    const { bits, signed } = form;
    return [[code(datatype), String(bits), signed ? 'yes' : 'no', String(valuesPerElement(bits))]];
  });
  return table(['datatype', 'bits', 'signed', 'values in an element'], rows);
}

export const commitmentBlocks: Readonly<Record<string, () => string>> = {
  poseidon: poseidonTable,
  'commitment forms': formTable,
};
