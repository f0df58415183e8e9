import type { Chain, Hardfork, Receipt } from '../../../contracts/tools/anvil.ts';

/** Gas by the key that stands after the hardfork's name, from receipts. `null`: what it takes is not on this machine. */
export type Measured = Readonly<Record<string, number | null>>;

/** Measures on a chain that it has to itself. */
export type Measurement = (chain: Chain) => Promise<Measured>;

export const hardforks: readonly Hardfork[] = ['osaka', 'prague'];

/** Of a transaction that has to succeed, or its figure would be the cost of failing. */
export function gasOf({ status, gasUsed, transactionHash }: Receipt): number {
  if (status !== 'success') throw new Error(`the measured transaction ${transactionHash} reverted`);
  return Number(gasUsed);
}
