import { larger, smaller } from './amounts.ts';
import { SettlementError } from './errors.ts';
import type { Fee } from './transactions.ts';

/** Nodes take a second transaction of one number where both of its fees are a tenth higher; some ask for an eighth. */
const BUMP_DIVISOR = 8n;

/** Room for the base fee to double, as it can in six full blocks. What is not needed is not paid (EIP-1559). */
export function firstFee(market: { readonly baseFee: bigint; readonly tip: bigint }, cap: bigint): Fee {
  const { baseFee, tip } = market;
  if (baseFee > cap) throw new SettlementError('fee_above_cap', `the base fee is ${baseFee}`);
  return within({ max: 2n * baseFee + tip, tip }, cap);
}

/** What replaces a transaction of that fee: at least an eighth more in both parts. Undefined where the cap forbids it. */
export function higherFee(before: Fee, wanted: Fee, cap: bigint): Fee | undefined {
  const raised = { max: raise(before.max), tip: raise(before.tip) };
  if (raised.max > cap) return undefined;
  return within({ max: larger(wanted.max, raised.max), tip: larger(wanted.tip, raised.tip) }, cap);
}

function raise(amount: bigint): bigint {
  return amount + amount / BUMP_DIVISOR + 1n;
}

function within({ max, tip }: Fee, cap: bigint): Fee {
  const most = smaller(max, cap);
  return { max: most, tip: smaller(tip, most) };
}
