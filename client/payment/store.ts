/** What a payer remembers of one channel in one log. Amounts are in the token's smallest unit. */
export interface Tab {
  readonly channel: Uint8Array;
  readonly log: Uint8Array;
  /** The highest voucher that was signed, whether it arrived or not. */
  readonly voucher: bigint;
  /** Fees of answers that were verified. */
  readonly verified: bigint;
  /** The most that requests may have cost whose answers were not: under way, lost, or not to be trusted. */
  readonly unknown: bigint;
  /** The highest sum that a verified receipt named. */
  readonly top: bigint;
  /** Ranges below it that no verified receipt accounts for. */
  readonly gaps: readonly (readonly [from: bigint, to: bigint])[];
}

/**
 * Where tabs survive the process (DESIGN section 5). Without that, a payer forgets what it has signed, and may sign its
 * limit again after every restart. One payer at a time uses a store.
 */
export interface PaymentStore {
  load(): Promise<readonly Tab[]>;
  /** Replaces the tab of that channel and log; durable before it resolves. */
  save(tab: Tab): Promise<void>;
}

/** For tests and payers that end with their process. */
export function memoryStore(): PaymentStore {
  const tabs = new Map<string, Tab>();
  return {
    load: async () => [...tabs.values()],
    save: async (tab) => {
      tabs.set(`${tab.channel.join()}/${tab.log.join()}`, tab);
    },
  };
}
