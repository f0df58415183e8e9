import { PaymentError } from '../payments/errors.ts';

/**
 * What may be taken for true where each value is one node's word (DESIGN section 1: the chain's nodes are no party that
 * anybody trusts). Fewer liars than the quorum can make none of this larger or other than an honest node says.
 */

/** The largest amount that as many nodes say that there is at least. */
export function atLeast(amounts: readonly bigint[], quorum: number): bigint {
  const amount = [...amounts].sort((one, other) => (one < other ? 1 : one > other ? -1 : 0))[quorum - 1];
  if (amount === undefined) throw new PaymentError('chain_unavailable', 'too few nodes answered');
  return amount;
}

/** What as many nodes say alike. */
export function agreed<T>(values: readonly T[], quorum: number): T {
  const counts = new Map<string, { readonly value: T; count: number }>();
  for (const value of values) {
    const name = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
    const known = counts.get(name) ?? { value, count: 0 };
    known.count += 1;
    counts.set(name, known);
    if (known.count >= quorum) return value;
  }
  throw new PaymentError('chain_unavailable', 'the nodes do not agree');
}
