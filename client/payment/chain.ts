import { equalBytes, isZero } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { type ChannelFields, channelPreimage } from '../../wire/message/authorisations.ts';
import { ClientError } from '../errors.ts';
import type { SessionKey } from './session-key.ts';
import type { PaymentStore, Tab } from './store.ts';

/** What a payer needs of a settlement on a chain (DESIGN section 8). `viemChannelChain` is one over viem. */
export interface ChannelChain {
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly payer: Uint8Array;
  channelOf(id: Uint8Array): Promise<ChannelOnChain>;
  /** What a log has been paid from the channel. */
  claimedOf(id: Uint8Array, log: Uint8Array): Promise<bigint>;
  /** These resolve once the transaction is as final as the caller wants it, and reject where it failed. */
  openChannel(terms: ChannelTerms): Promise<void>;
  topUp(id: Uint8Array, amount: bigint): Promise<void>;
  startClose(id: Uint8Array): Promise<void>;
  finishClose(id: Uint8Array): Promise<void>;
}

export interface ChannelOnChain {
  readonly payer: Uint8Array;
  readonly payee: Uint8Array;
  readonly sessionX: Uint8Array;
  readonly sessionY: Uint8Array;
  /** What is locked and not yet paid. */
  readonly balance: bigint;
  /** In unix seconds; zero while nobody has begun to close it. */
  readonly closesAt: bigint;
}

export interface ChannelTerms extends Pick<ChannelFields, 'payee' | 'sessionX' | 'sessionY' | 'salt'> {
  readonly amount: bigint;
}

export interface OpenChannelOptions {
  readonly chain: ChannelChain;
  /** The operator that is paid: of a worker that was proven, its identity names it. */
  readonly payee: Uint8Array;
  readonly key: SessionKey;
  readonly amount: bigint;
  readonly suite: Suite;
}

/** Locks an amount for one operator, and gives the fields that payments are made with. They are to be kept with the key. */
export async function openChannel({ chain, payee, key, amount, suite }: OpenChannelOptions): Promise<ChannelFields> {
  if (amount <= 0n) throw new ClientError('argument_invalid', 'a channel holds something');
  if (payee.length !== 20 || isZero(payee)) throw new ClientError('argument_invalid', 'the payee is an address');
  const { chainId, settlement, payer } = chain;
  const salt = suite.randomBytes(32);
  const fields = { chainId, settlement, payer, payee, sessionX: key.x, sessionY: key.y, salt };
  await chain.openChannel({ payee, sessionX: key.x, sessionY: key.y, salt, amount });
  await requireOpen(chain, fields, await suite.sha256(channelPreimage(fields)));
  return fields;
}

/** A node may say that a transaction went through which did not: vouchers are signed for what is there. */
async function requireOpen(chain: ChannelChain, fields: ChannelFields, id: Uint8Array): Promise<ChannelOnChain> {
  const found = await chain.channelOf(id);
  const same =
    equalBytes(found.payer, fields.payer) &&
    equalBytes(found.payee, fields.payee) &&
    equalBytes(found.sessionX, fields.sessionX) &&
    equalBytes(found.sessionY, fields.sessionY);
  if (!same) throw new ClientError('channel_mismatch', 'the chain has no such channel', { reason: 'channel_unknown' });
  return found;
}

export interface ChannelStatus {
  readonly id: Uint8Array;
  /** What is locked and not yet paid. */
  readonly balance: bigint;
  readonly closesAt: bigint;
  /** Fees of answers that were verified, over all logs. */
  readonly verified: bigint;
  /** The most that requests may have cost whose answers were not. */
  readonly unknown: bigint;
  /** Over all logs: what vouchers allow beyond the fees of verified answers. */
  readonly outstanding: bigint;
  readonly claimed: bigint;
  readonly logs: readonly (Tab & { readonly claimed: bigint })[];
  /** Logs that were paid more than this payer verified: within their vouchers, and for answers that it never saw. */
  readonly overclaimed: readonly Uint8Array[];
}

/** Where a channel stands: the payer's own sums beside what the chain says. */
export async function channelStatus(options: {
  readonly chain: ChannelChain;
  readonly channel: ChannelFields;
  readonly store: PaymentStore;
  readonly suite: Suite;
}): Promise<ChannelStatus> {
  const { chain, channel, store, suite } = options;
  const id = await suite.sha256(channelPreimage(channel));
  const { balance, closesAt } = await requireOpen(chain, channel, id);
  const tabs = (await store.load()).filter((tab) => equalBytes(tab.channel, id));
  const logs = await Promise.all(
    tabs.map(async (tab) => ({ ...tab, claimed: await chain.claimedOf(id, Uint8Array.from(tab.log)) })),
  );
  const sum = (of: (log: (typeof logs)[number]) => bigint): bigint => logs.reduce((all, log) => all + of(log), 0n);
  return {
    id,
    balance,
    closesAt,
    verified: sum(({ verified }) => verified),
    unknown: sum(({ unknown }) => unknown),
    outstanding: sum(({ voucher, verified }) => voucher - verified),
    claimed: sum(({ claimed }) => claimed),
    logs,
    overclaimed: logs.filter(({ claimed, verified }) => claimed > verified).map(({ log }) => log),
  };
}
