import { toHex } from '../../wire/bytes.ts';
import { ClientError } from '../errors.ts';
import type { PaymentStore, Tab } from './store.ts';

/**
 * The payer's own sums (DESIGN sections 4 and 5). Nothing here talks to a worker: it says what may still be signed, and
 * whether what a proven receipt claims fits what this payer asked for.
 */
export interface Ledger {
  tab(channel: Uint8Array, log: Uint8Array): Tab;
  /** Over all logs: what vouchers allow beyond the fees of verified answers. A thief of every worker's key gets no more. */
  outstanding(): bigint;
  /** Over all logs: fees of verified answers, and the most that all others may have cost. */
  spent(): bigint;
  /** The highest voucher that `maxOutstanding` allows for this tab. */
  ceiling(tab: Tab): bigint;
  /** Remembers a request before it is sent, and the voucher that goes before it. */
  begin(tab: Tab, change: { readonly voucher: bigint; readonly maxFee: bigint }): Promise<Tab>;
  /** It was never sent after all. */
  withdraw(tab: Tab, maxFee: bigint): Promise<Tab>;
  /** Counts a verified answer; throws where its sum does not fit this payer's own. */
  count(tab: Tab, answer: CountedAnswer): Promise<Tab>;
}

export interface CountedAnswer {
  readonly maxFee: bigint;
  readonly fee: bigint;
  readonly cumulativeFee: bigint;
}

export async function openLedger(store: PaymentStore, maxOutstanding: bigint): Promise<Ledger> {
  const tabs = new Map<string, Tab>();
  for (const tab of await stored(() => store.load())) tabs.set(keyOf(tab), tab);

  const outstanding = (): bigint =>
    [...tabs.values()].reduce((sum, { voucher, verified }) => sum + voucher - verified, 0n);

  async function replace(tab: Tab): Promise<Tab> {
    tabs.set(keyOf(tab), tab);
    await stored(() => store.save(tab));
    return tab;
  }

  /** Others may have changed it since it was read. */
  const now = (tab: Tab): Tab => tabs.get(keyOf(tab)) ?? tab;

  return {
    tab: (channel, log) => now({ channel, log, voucher: 0n, verified: 0n, unknown: 0n, top: 0n, gaps: [] }),
    outstanding,
    spent: () => [...tabs.values()].reduce((sum, { verified, unknown }) => sum + verified + unknown, 0n),
    ceiling: (tab) => {
      const { voucher, verified } = now(tab);
      return maxOutstanding - (outstanding() - (voucher - verified)) + verified;
    },
    begin(tab, { voucher, maxFee }) {
      const current = now(tab);
      return replace({ ...current, voucher, unknown: current.unknown + maxFee });
    },
    withdraw(tab, maxFee) {
      const current = now(tab);
      return replace({ ...current, unknown: current.unknown - maxFee });
    },
    count: (tab, answer) => replace(counted(now(tab), answer)),
  };
}

function keyOf({ channel, log }: Pick<Tab, 'channel' | 'log'>): string {
  return `${toHex(channel)}/${toHex(log)}`;
}

/** A receipt accounts for the range from what the channel owed before it to what it owes with it; no two may overlap. */
function counted(tab: Tab, { maxFee, fee, cumulativeFee: to }: CountedAnswer): Tab {
  const from = to - fee;
  const unknown = tab.unknown - maxFee;
  const filled = from >= tab.top ? above(tab, from, to) : fee === 0n ? tab : within(tab, from, to);
  // What is not accounted for must be due to requests whose answers are not known.
  const missing = filled.gaps.reduce((sum, [start, end]) => sum + end - start, 0n);
  if (missing > unknown) throw mismatch(`${to} is ${missing - unknown} more than was asked for`);
  return { ...filled, unknown, verified: tab.verified + fee };
}

function above(tab: Tab, from: bigint, to: bigint): Tab {
  return { ...tab, top: to, gaps: from === tab.top ? tab.gaps : [...tab.gaps, [tab.top, from]] };
}

function within(tab: Tab, from: bigint, to: bigint): Tab {
  const place = tab.gaps.findIndex(([start, end]) => start <= from && to <= end);
  const gap = tab.gaps[place];
  if (gap === undefined) throw mismatch(`${from} to ${to} was charged before`);
  const [start, end] = gap;
  const left = (
    [
      [start, from],
      [to, end],
    ] as const
  ).filter(([low, high]) => low < high);
  return { ...tab, gaps: [...tab.gaps.slice(0, place), ...left, ...tab.gaps.slice(place + 1)] };
}

function mismatch(detail: string): ClientError {
  return new ClientError('receipt_refused', detail, { reason: 'cumulative_fee_mismatch' });
}

async function stored<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Without the store nothing may be signed: what was is not known.
    throw new ClientError('store_failed', error instanceof Error ? error.message : 'unknown');
  }
}
