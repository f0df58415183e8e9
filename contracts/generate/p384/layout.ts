import type { Channel } from './integers.ts';

/** Addresses in the contract's memory. It is the contract's alone: a call ends in it, so nothing of Solidity is kept. */
export const LAYOUT = {
  x: 0x000,
  y: 0x080,
  /** What a doubling-and-addition keeps of its first half: its slope, and x of the table point less the square. */
  firstSlope: 0x100,
  carried: 0x180,
  /** The point that is added: x, y. */
  tableX: 0x200,
  tableY: 0x280,
  /** A copy of 96 bytes of a data contract. */
  entry: 0x300,
  /** Scalars of G, 2^192 G, Q and R as sums of digits. */
  scalars: 0x380,
  /** Addresses of the two data contracts. */
  dataContracts: 0x400,
  statement: 0x440,
  hintsEnd: 0x460,
  digitsStart: 0x480,
  digitsEnd: 0x4a0,
  closed: 0x4c0,
  refusedScalars: 0x4e0,
  refusedKey: 0x500,
  /** Residues of integers modulo n, after the curve's work is done. */
  scratch: 0x540,
  /** Odd multiples of Q and then of R: eight entries each of x, y, x, -y, so that either sign is one copy. */
  tableOfQ: 0x800,
  tableOfR: 0x1800,
} as const;

export const ENTRY_BYTES = 0x200;
export const ENTRIES = 8;

export const wordAt = (base: number, channel: Channel): number => base + 32 * channel;
