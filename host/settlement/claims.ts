import { limits } from '../../wire/limits.ts';
import type { VoucherRaise } from '../../wire/message/channel.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import type { Journal, Place } from '../journal/index.ts';
import { settlementAbi } from './abi.ts';
import { larger, smaller } from './amounts.ts';
import { type HeadPoster, headStanding, postHead } from './heads.ts';
import { headWords, hex, loggedReceiptWords, signatureWords } from './words.ts';

export interface Claimant extends HeadPoster {
  readonly journal: Pick<Journal, 'logInfo' | 'vouchers' | 'charged' | 'bundle'>;
  /** Less than this is left for later, unless its channel is closing. */
  readonly claimAbove: bigint;
  readonly finalAfterBlocks: bigint;
  /** A channel in which nothing has changed here is looked at again after as long: its payer may have begun to close it. */
  readonly lookAgainMs: number;
  /** Told once of each log: what is due under vouchers for it can be claimed no more. */
  readonly onLost: (log: Uint8Array, due: bigint) => void;
  readonly now: () => number;
}

export interface Claims {
  /** Claims what vouchers and receipts of a log are worth by now. */
  claimLog(log: Uint8Array, isCurrent: 'current' | 'ended'): Promise<void>;
  /** What is owed under vouchers and not yet paid, as it was when it was looked at last. */
  readonly unclaimed: bigint;
}

interface Look {
  readonly owed: bigint;
  readonly unclaimed: bigint;
  readonly at: number;
  /** The block at which everything was seen claimed; final once there are enough above it. */
  readonly paidAt: bigint | undefined;
}

interface Due {
  readonly voucher: VoucherRaise;
  readonly place: Place;
  readonly owed: bigint;
  readonly closesAt: number;
}

/**
 * What was paid is the contract's to say and is asked: after a crash at any point nothing is claimed twice, and whatever
 * was not is claimed next. What was asked is remembered for a while, as long as the journal has nothing new to say.
 */
export function createClaims(claimant: Claimant): Claims {
  const { chain, journal, settlement: to, now } = claimant;
  const looks = new Map<string, Look>();
  const lost = new Set<string>();
  /** A node that is behind must not date a payment: it would look final at the next block, and be asked about no more. */
  let newest = 0n;

  async function claimLog(log: Uint8Array, isCurrent: 'current' | 'ended'): Promise<void> {
    const due = await dueOf(log, isCurrent);
    const first = due[0];
    if (first === undefined) return;
    // All proofs are made at once, and so under one head: it is posted first, and settles them all.
    const bundles = due.map((one) => ({ ...one, bundle: journal.bundle(one.place) }));
    const head = headWords((bundles[0] as (typeof bundles)[number]).bundle);
    const standing = await headStanding(claimant, log, head);
    if (standing === 'lost' && !lost.has(head.log)) {
      lost.add(head.log);
      const names = due.map(({ voucher }) => nameOf(log, voucher.channel));
      claimant.onLost(
        log,
        names.reduce((sum, name) => sum + (looks.get(name)?.unclaimed ?? 0n), 0n),
      );
    }
    if (standing === 'waiting' || standing === 'lost') return;
    if (standing === 'acceptable') await postHead(claimant, head);
    const sent = await Promise.allSettled(
      bundles.slice(0, limits.chainTransactions).map(async ({ voucher, bundle, owed }) => {
        const { channel, maxCumulative, signature } = voucher;
        const args = [
          loggedReceiptWords(bundle),
          { channel: hex(channel), maxCumulative, ...signatureWords(signature) },
        ] as const;
        const key = `claim/${hex(log)}/${hex(channel)}`;
        looks.delete(nameOf(log, channel));
        await chain.send(
          { to, abi: settlementAbi, functionName: 'claim', args },
          { what: 'claim', key, version: String(owed) },
        );
      }),
    );
    const failed = sent.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed !== undefined) throw failed.reason;
    if (bundles.length > limits.chainTransactions) await claimLog(log, isCurrent);
  }

  async function dueOf(log: Uint8Array, isCurrent: 'current' | 'ended'): Promise<readonly Due[]> {
    const due: Due[] = [];
    let after: Uint8Array | undefined;
    for (;;) {
      const page = journal.vouchers(log, after, limits.headsPerPage);
      for (const voucher of page) {
        const found = await claimable(log, voucher, isCurrent);
        if (found !== undefined) due.push(found);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < limits.headsPerPage) break;
      after = last.channel;
    }
    // Channels that are closing have a last moment.
    return due.sort(
      (one, other) => (one.closesAt || Number.POSITIVE_INFINITY) - (other.closesAt || Number.POSITIVE_INFINITY),
    );
  }

  async function claimable(
    log: Uint8Array,
    voucher: VoucherRaise,
    isCurrent: 'current' | 'ended',
  ): Promise<Due | undefined> {
    const place = journal.charged(log, voucher.channel);
    if (place === undefined) return undefined;
    const { cumulativeFee } = decodeReceipt(journal.bundle(place).receipt);
    const owed = smaller(cumulativeFee, voucher.maxCumulative);
    const name = nameOf(log, voucher.channel);
    const before = looks.get(name);
    if (before !== undefined && before.owed === owed && now() - before.at < claimant.lookAgainMs) return undefined;

    const id = hex(voucher.channel);
    const block = await chain.block();
    newest = larger(newest, block.number);
    const claimed = await chain.read({ to, abi: settlementAbi, functionName: 'claimedOf', args: [id, hex(log)] });
    const isPaid = owed <= claimed;
    if (isPaid && before?.owed === owed && before.paidAt !== undefined) {
      // Final: nothing is asked again until there is more.
      const isFinal = before.paidAt + claimant.finalAfterBlocks <= block.number;
      looks.set(name, { ...before, at: isFinal ? Number.POSITIVE_INFINITY : now() });
      return undefined;
    }
    const { balance, closesAt } = await chain.read({ to, abi: settlementAbi, functionName: 'channelOf', args: [id] });
    const hasEnded = closesAt !== 0 && BigInt(closesAt) <= block.timestamp;
    const isWorthless = isPaid || balance === 0n || hasEnded;
    // Of a log that does not grow any more, and of a channel that ends, there is nothing to wait for.
    const isLast = isCurrent === 'ended' || closesAt !== 0;
    if (!isWorthless && (isLast || owed - claimed >= claimant.claimAbove)) {
      looks.set(name, { owed, unclaimed: owed - claimed, at: Number.NEGATIVE_INFINITY, paidAt: undefined });
      return { voucher, place, owed, closesAt };
    }
    const unclaimed = isWorthless ? 0n : owed - claimed;
    looks.set(name, { owed, unclaimed, at: now(), paidAt: isPaid ? newest : undefined });
    return undefined;
  }

  return {
    claimLog,
    get unclaimed() {
      return [...looks.values()].reduce((sum, { unclaimed }) => sum + unclaimed, 0n);
    },
  };
}

function nameOf(log: Uint8Array, channel: Uint8Array): string {
  return `${hex(log)}/${hex(channel)}`;
}
