import { decodeIntegers, encodeIntegers } from '../../wire/message/integers.ts';
import { CommandError } from '../exit-codes.ts';

/** Sizes of sixteen price changes in basis points: what every level asks about, so that their costs can be compared. */
export const question: readonly bigint[] = [12, 7, 0, 31, 5, 9, 14, 22, 3, 8, 17, 41, 6, 2, 11, 19].map(BigInt);

/** The same with one change of another size. */
export const otherQuestion: readonly bigint[] = question.with(0, 13n);

/** A row of whole numbers as a contract hands it in and takes it. */
export function rowBody(values: readonly bigint[]): Uint8Array {
  return encodeIntegers([{ decimals: 0, shape: [1, values.length], values }]);
}

export function answerIn(output: Uint8Array): bigint {
  const [row] = decodeIntegers(output);
  const [answer, ...more] = row?.values ?? [];
  if (answer === undefined || more.length > 0) throw new CommandError('the answer is no single number');
  return answer;
}
