import { ClientError } from './errors.ts';

/** A fee has 128 bits. */
export const MOST_FEE: bigint = (1n << 128n) - 1n;

/** The caller's own bound, said to be wrong before anything is sent. */
export function checkMaxFee(maxFee: bigint | undefined): void {
  if (maxFee === undefined || (typeof maxFee === 'bigint' && maxFee >= 0n && maxFee <= MOST_FEE)) return;
  throw new ClientError('argument_invalid', 'maxFee is a bigint of at most 128 bits');
}
