import { setTimeout as pause } from 'node:timers/promises';
import type { Address, Hex } from 'viem';
import { limits } from '../../wire/limits.ts';
import { PaymentError } from '../payments/errors.ts';
import { type Intent, refusing, type Sent } from './chain.ts';
import { SettlementError } from './errors.ts';
import { firstFee } from './fees.ts';
import { createEntry, type Entry, type InFlight } from './in-flight.ts';
import type { Fee, Transactions } from './transactions.ts';
import type { Watch } from './watch.ts';

/** The one that sends: it gives numbers to transactions, at most `limits.chainTransactions` of which are on their way. */
export interface Sender {
  send(call: { readonly to: Address; readonly data: Hex }, intent: Intent): Promise<Sent>;
  /** To be called now and then: looks after what is on its way, and after what was mined and is not final. */
  look(): Promise<void>;
  readonly pending: number;
  /** What is on its way, and what was mined and is not final, by number. */
  readonly entries: readonly Entry[];
  /** Nodes that do not have this block yet must not be asked what is left to do. */
  readonly minedBlock: bigint;
  /** Nobody waits for anything any more; what is on its way is on disk. */
  stop(): void;
}

export interface SenderOptions {
  readonly table: InFlight;
  readonly watch: Watch;
  readonly transactions: Transactions;
  readonly maxFeePerGas: bigint;
  /** How long a caller waits until its transaction is mined; it is looked after all the same. */
  readonly waitMs: number;
  /** A contract would revert, when its call was simulated; or the node that was given it says so. */
  readonly onRefused: (what: Intent['what'], data: Hex) => void;
  readonly now: () => number;
}

const POLL_MS = 50;
/** Numbers that are tried where others use the same key. */
const TRIES = 4;
/** How many of somebody else's may wait: a node that says more is not believed. */
const MOST_FOREIGN = 16;
/** A twentieth more than was estimated: the state may have moved a little when it is mined. */
const GAS_MARGIN = 20n;
/** EIP-7825: no transaction may ask for more. */
const MOST_GAS = 2n ** 24n;

export function createSender(options: SenderOptions): Sender {
  const { table, watch, transactions, maxFeePerGas, waitMs, onRefused, now } = options;
  let stopped = false;
  let last: Promise<unknown> = Promise.resolve();
  let looking: Promise<void> | undefined;

  /** One at a time: two that read the same count would take the same number. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  }

  function look(): Promise<void> {
    looking ??= exclusively(() => refusing(watch.look)).finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function submit(call: { readonly to: Address; readonly data: Hex }, intent: Intent): Promise<Entry> {
    const twin = table.find(intent.key);
    if (twin !== undefined && (twin.mined === undefined || twin.version === intent.version)) {
      throw new SettlementError('transaction_pending', intent.key);
    }
    if (table.unmined().length >= limits.chainTransactions) {
      throw new SettlementError('transaction_pending', 'as many as may be are on their way');
    }
    const estimated = await transactions.estimate(call);
    const gas = estimated + estimated / GAS_MARGIN;
    const fee = firstFee(await transactions.market(), maxFeePerGas);
    return numbered({ ...call, ...intent, gas: gas < MOST_GAS ? gas : MOST_GAS, fee });
  }

  async function numbered(
    fields: Intent & { readonly to: Address; readonly data: Hex; readonly gas: bigint; readonly fee: Fee },
  ): Promise<Entry> {
    let from = await firstNumber();
    for (let tries = 0; tries < TRIES; tries++) {
      const entry = createEntry({ ...fields, nonce: table.freeFrom(from), now: now() });
      table.add(entry);
      switch (await watch.tell(entry)) {
        case 'taken':
        case 'known':
        // Nobody can say whether it was taken. It keeps its number, and is told again.
        case 'unknown':
        case 'other':
          return entry;
        case 'nonce_too_low':
          // It may be this very one, which a node took and did not say so.
          if (await isMined(entry)) return entry;
          table.remove(entry);
          from = Math.max(await firstNumber(), entry.nonce + 1);
          break;
        case 'underpriced':
          // Somebody else's transaction waits under this number.
          table.remove(entry);
          from = entry.nonce + 1;
          break;
        case 'coin_missing':
          table.remove(entry);
          throw new SettlementError('coin_missing', 'the account cannot pay for gas');
        case 'fee_below_base':
          table.remove(entry);
          throw new SettlementError('fee_above_cap', 'the base fee has risen');
        case 'reverted':
          table.remove(entry);
          onRefused(fields.what, '0x');
          throw new PaymentError('transaction_reverted', fields.key);
      }
    }
    throw new SettlementError('transaction_pending', 'others use the same account');
  }

  async function firstNumber(): Promise<number> {
    const [mined, known] = [await transactions.count('latest'), await transactions.count('pending')];
    return known < mined || known > mined + table.unmined().length + MOST_FOREIGN ? mined : known;
  }

  async function isMined({ hashes }: Entry): Promise<boolean> {
    for (const hash of hashes) if ((await transactions.mined(hash)) !== undefined) return true;
    return false;
  }

  async function outcome(entry: Entry): Promise<Sent> {
    const until = now() + waitMs;
    while (!stopped) {
      const { ending } = entry;
      if (ending?.kind === 'mined') return ending.sent;
      if (ending?.kind === 'reverted') throw new PaymentError('transaction_reverted', ending.hash);
      if (ending !== undefined) throw new SettlementError('transaction_superseded', entry.key);
      if (now() >= until) break;
      // A node that does not answer says nothing about the transaction.
      await look().catch(() => undefined);
      if (entry.ending === undefined) await pause(POLL_MS);
    }
    throw new SettlementError('transaction_pending', entry.key);
  }

  return {
    async send(call, intent) {
      const submitting = () =>
        refusing(
          () => submit(call, intent),
          (data) => onRefused(intent.what, data),
        );
      return outcome(await exclusively(submitting));
    },
    look,
    get pending() {
      return table.unmined().length;
    },
    get entries() {
      return table.ordered();
    },
    get minedBlock() {
      return table.minedBlock;
    },
    stop() {
      stopped = true;
    },
  };
}
