import type { Verified } from '../../verifier/result.ts';
import type { WorkerFacts } from '../../verifier/worker/facts.ts';
import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import type { Awaitable, Suite } from '../../wire/crypto/suite.ts';
import {
  type ChannelFields,
  channelPreimage,
  sessionMessage,
  voucherMessage,
} from '../../wire/message/authorisations.ts';
import { type AccountState, encodeChannelOpening, encodeVoucherRaise } from '../../wire/message/channel.ts';
import { recordKind } from '../../wire/message/session.ts';
import { ClientError } from '../errors.ts';
import type { Session } from '../session.ts';
import { type Ledger, openLedger } from './ledger.ts';
import type { PaymentStore, Tab } from './store.ts';

/** How calls are paid. There is no limit that may be left out: "any" is written as the word. */
export interface PaymentOptions {
  /** Of a channel that the payer has opened on the chain. */
  readonly channel: ChannelFields;
  /** With the channel's session key: ECDSA P-256 over SHA-256 of the message, 64 bytes, low s. */
  readonly sign: (message: Uint8Array) => Awaitable<Uint8Array>;
  readonly store: PaymentStore;
  /** What this payer is ready to lose in all, whoever lies or is robbed. */
  readonly maxOutstanding: bigint;
  /** What it spends in all, as far as this store remembers: requests whose answers are not known count in full. */
  readonly maxSpend: bigint | 'any';
  /** The dearest unit that it buys. */
  readonly maxUnitPrice: bigint | 'any';
  /** How far vouchers may run ahead of what is needed, within `maxOutstanding`: each raise is a round trip. */
  readonly ahead?: bigint;
}

/** One request's part in the payer's sums. */
export interface Purchase {
  readonly channel: Uint8Array;
  /** What the channel must have owed before, where this payer alone decides that; else "any", and `settle` judges. */
  owedBefore(): bigint | 'any';
  /** Counts the verified answer. */
  settle(answer: { readonly fee: bigint; readonly cumulativeFee: bigint }): Promise<void>;
  /** No answer that could be verified came of it. What it cost is not known. */
  lose(): void;
}

export interface Payer {
  /** Has the session charge the channel, raises the voucher as far as this request needs, and remembers it. */
  buy(session: Session, prices: { readonly unitPrice: bigint; readonly maxFee: bigint }): Promise<Purchase>;
}

/** What is known of one log while the process lives. */
interface Account {
  readonly tab: Tab;
  /** The most that the worker may count as owed or held for this channel. */
  committed: bigint;
  underWay: number;
}

export function createPayer(options: PaymentOptions, suite: Suite): Payer {
  const { channel: fields, ahead = 0n } = options;
  const opened = new WeakMap<Session, Account>();
  const accounts = new Map<string, Account>();
  let ledger: Promise<Ledger> | undefined;
  let line: Promise<unknown> = Promise.resolve();

  /** One at a time: two that read the sums at once would both sign for the same room. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = line.then(work);
    line = mine.catch(() => undefined);
    return mine;
  }

  function books(): Promise<Ledger> {
    ledger ??= openLedger(options.store, options.maxOutstanding).catch((error: unknown) => {
      ledger = undefined;
      throw error;
    });
    return ledger;
  }

  async function open(session: Session, book: Ledger, channel: Uint8Array): Promise<Account> {
    checkWorker(fields, session.worker);
    const signature = await options.sign(sessionMessage(session.handshakeHash));
    const opening = encodeChannelOpening({ fields, signature });
    const state = await session.account(concatBytes(Uint8Array.of(recordKind.channel), opening));
    const tab = book.tab(channel, session.worker.log);
    const key = toHex(session.worker.log);
    const account = accounts.get(key) ?? { tab, committed: tab.verified + tab.unknown, underWay: 0 };
    learn(book, account, state);
    opened.set(session, account);
    accounts.set(key, account);
    return account;
  }

  /** The worker's word on where the channel stands, held against this payer's own sums. */
  function learn(book: Ledger, account: Account, state: AccountState): void {
    const tab = book.tab(account.tab.channel, account.tab.log);
    if (state.voucher > tab.voucher) {
      throw new ClientError('payment_mismatch', 'the worker has a voucher that this store does not know', {
        reason: 'voucher_unknown',
      });
    }
    if (account.underWay > 0) return;
    if (state.committed < tab.verified || state.committed > tab.verified + tab.unknown) {
      throw new ClientError('payment_mismatch', `the worker counts ${state.committed}, this payer ${tab.verified}`, {
        reason: 'committed_mismatch',
      });
    }
    account.committed = state.committed;
  }

  async function sendVoucher(session: Session, channel: Uint8Array, maxCumulative: bigint): Promise<AccountState> {
    const { chainId, settlement } = fields;
    const message = voucherMessage({ chainId, settlement, channel, log: session.worker.log, maxCumulative });
    const raise = encodeVoucherRaise({ channel, maxCumulative, signature: await options.sign(message) });
    return session.account(concatBytes(Uint8Array.of(recordKind.voucher), raise));
  }

  async function prepare(session: Session, book: Ledger, channel: Uint8Array, maxFee: bigint): Promise<Account> {
    if (options.maxSpend !== 'any' && book.spent() + maxFee > options.maxSpend) {
      throw new ClientError('outstanding_limit', `${book.spent()} are spent, and this may cost ${maxFee}`, {
        reason: 'spending_cap',
      });
    }
    const account = opened.get(session) ?? (await open(session, book, channel));
    let tab = book.tab(channel, session.worker.log);
    if (account.committed + maxFee > tab.voucher && account.underWay === 0 && account.committed > tab.verified) {
      // Lost requests may have cost nothing: the worker knows, and what it says is held against the own sums.
      learn(book, account, await sendVoucher(session, channel, tab.voucher));
    }
    const needed = account.committed + maxFee;
    const ceiling = book.ceiling(tab);
    if (needed > tab.voucher && needed > ceiling) {
      throw new ClientError('outstanding_limit', `${needed} would be signed, the limit leaves ${ceiling}`);
    }
    const raised = needed > tab.voucher;
    const voucher = raised ? lower(needed + ahead, ceiling) : tab.voucher;
    // Remembered first: a voucher that was signed may be claimed with, whatever becomes of this process.
    tab = await book.begin(tab, { voucher, maxFee });
    try {
      if (raised) {
        const state = await sendVoucher(session, channel, voucher);
        if (state.voucher < voucher) {
          throw new ClientError('payment_mismatch', 'the worker did not take the voucher', {
            reason: 'voucher_ignored',
          });
        }
        learn(book, account, { ...state, voucher });
      }
    } catch (error) {
      await book.withdraw(tab, maxFee);
      throw error;
    }
    account.committed += maxFee;
    account.underWay += 1;
    return account;
  }

  return {
    buy: (session, { unitPrice, maxFee }) =>
      inTurn(async () => {
        if (options.maxUnitPrice !== 'any' && unitPrice > options.maxUnitPrice) {
          throw new ClientError('price_refused', `a unit costs ${unitPrice}`);
        }
        const book = await books();
        const channel = await suite.sha256(channelPreimage(fields));
        const { log } = session.worker;
        const account = await prepare(session, book, channel, maxFee);
        let underWay = true;
        const end = (): void => {
          if (underWay) account.underWay -= 1;
          underWay = false;
        };
        return {
          channel,
          owedBefore() {
            const { unknown, top } = book.tab(channel, log);
            return unknown === maxFee ? top : 'any';
          },
          async settle({ fee, cumulativeFee }) {
            await book.count(book.tab(channel, log), { maxFee, fee, cumulativeFee });
            account.committed += fee - maxFee;
            if (cumulativeFee > account.committed) account.committed = cumulativeFee;
            end();
          },
          lose: end,
        };
      }),
  };
}

function checkWorker(fields: ChannelFields, { identity }: Verified<WorkerFacts>): void {
  const pays =
    fields.chainId === identity.chainId &&
    equalBytes(fields.settlement, identity.settlement) &&
    equalBytes(fields.payee, identity.operator);
  if (!pays) throw new ClientError('channel_mismatch', 'the channel does not pay this worker’s operator there');
}

function lower(a: bigint, b: bigint): bigint {
  return a > b ? b : a;
}
