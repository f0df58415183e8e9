import { decodeShort } from './arithmetic.ts';
import { block, memory, type Statement } from './code.ts';
import { constant, subtract } from './integers.ts';
import { LAYOUT } from './layout.ts';
import { TABLE_MULTIPLES } from './steps.ts';
import { keep } from './stores.ts';
import { given } from './words.ts';

const NAMES = ['c0', 'c1', 'c2', 'c3'] as const;

const coordinate = (offset: number): ReturnType<typeof decodeShort> =>
  decodeShort(NAMES, given(memory(LAYOUT.entry + offset)), given(memory(LAYOUT.entry + offset + 16)));

/** From the 96 bytes at `entry` to the residues at `tableX` and `tableY`. */
export const entryX = (): Statement => {
  const x = coordinate(0);
  return block(x.code, keep(LAYOUT.tableX, x.value, TABLE_MULTIPLES));
};

export const entryY = (): Statement => {
  const y = coordinate(48);
  return block(y.code, keep(LAYOUT.tableY, y.value, TABLE_MULTIPLES));
};

export const entryNegativeY = (): Statement => {
  const y = coordinate(48);
  return block(y.code, keep(LAYOUT.tableY, subtract(constant(0n), y.value), TABLE_MULTIPLES));
};
