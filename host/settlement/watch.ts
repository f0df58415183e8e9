import type { Hex } from 'viem';
import type { BlockWords, ChainReader, Sent } from './chain.ts';
import { RpcRefusal } from './errors.ts';
import { firstFee, higherFee } from './fees.ts';
import { createEntry, type Entry, type InFlight } from './in-flight.ts';
import type { Fee, Mined, Transactions } from './transactions.ts';

/** What a sender tells about its transactions. */
export interface SenderEvents {
  mined(what: Entry['what'], sent: Sent): void;
  /** It was mined, and its gas was paid, and it did nothing. */
  reverted(what: Entry['what'], hash: Hex, block: bigint): void;
  /** Its block is not part of the chain any more. */
  vanished(what: Entry['what'], hash: Hex): void;
  replaced(what: Entry['what'], fee: Fee): void;
  /** Its fee would have to be higher than the operator allows: it waits. */
  capped(what: Entry['what']): void;
}

export interface WatchOptions {
  readonly table: InFlight;
  readonly chain: Pick<ChainReader, 'block'>;
  readonly transactions: Transactions;
  readonly maxFeePerGas: bigint;
  readonly finalAfterBlocks: bigint;
  /** One that is not mined for as long is replaced by one with a higher fee. */
  readonly stuckMs: number;
  readonly events: SenderEvents;
  readonly now: () => number;
}

export interface Watch {
  /** Sees how things are on the chain, and does what can be done about it. */
  look(): Promise<void>;
  /** Gives it to a node. Throws nothing: whoever took it, or not, is seen later. */
  tell(entry: Entry): Promise<'taken' | 'unknown' | RpcRefusal['kind']>;
}

/** Of a transaction that does nothing but use up its number. */
const FILL_GAS = 21_000n;
/** A number further ahead of the account's is not one that this settler can have been right to give. */
const FURTHEST = 64;
/** Nodes behind one name may know of a block before they know of its receipts. */
const MISSING_MS = 3_000;
/** A node that refuses a transaction for a reason that nobody knows, so many times, will go on. */
const REFUSALS = 4;

export function createWatch(options: WatchOptions): Watch {
  const { table, chain, transactions, events, now, stuckMs, maxFeePerGas } = options;
  let confirmedAt: Hex | undefined;
  let gap = { nonce: -1, since: 0 };

  async function look(): Promise<void> {
    if (table.ordered().length === 0) return;
    const newest = await chain.block();
    const count = await transactions.count('latest');
    const isAnother = newest.hash !== confirmedAt;
    for (const entry of table.ordered()) {
      if (entry.mined === undefined && entry.nonce < count) await find(entry);
      else if (entry.mined !== undefined && (isAnother || entry.nonce >= count || isDoubtful(entry, newest)))
        await confirm(entry, newest, count);
    }
    confirmedAt = newest.hash;
    await push(count);
  }

  /** Asked again though there is no new block: what is not settled about it keeps everything else waiting. */
  function isDoubtful({ mined, missingSince }: Entry, newest: BlockWords): boolean {
    return missingSince !== undefined || (mined !== undefined && mined.block > newest.number);
  }

  async function find(entry: Entry): Promise<void> {
    for (const hash of entry.hashes) {
      const mined = await transactions.mined(hash);
      if (mined !== undefined) return found(entry, mined);
    }
    entry.missingSince ??= now();
    // Of an account that the node holds, a hash whose answer was lost is not known: what it did is seen on the chain.
    if (entry.hashes.length > 0 && now() - entry.missingSince < MISSING_MS) return;
    table.remove(entry, { kind: 'superseded' });
  }

  function found(entry: Entry, { hash, blockNumber, gasUsed, succeeded }: Mined): void {
    if (!succeeded) {
      table.remove(entry, { kind: 'reverted', hash });
      events.reverted(entry.what, hash, blockNumber);
      return;
    }
    entry.mined = { hash, block: blockNumber };
    entry.missingSince = undefined;
    entry.ending ??= { kind: 'mined', sent: { hash, gasUsed } };
    table.changed();
    if (entry.what !== 'fill') events.mined(entry.what, { hash, gasUsed });
  }

  /** What was mined may come to stand in another block, or in none. */
  async function confirm(entry: Entry, newest: BlockWords, count: number): Promise<void> {
    const { hash } = entry.mined as { readonly hash: Hex };
    const mined = await transactions.mined(hash);
    if (mined !== undefined) {
      entry.missingSince = undefined;
      if (mined.blockNumber + options.finalAfterBlocks <= newest.number) return table.remove(entry);
      if (mined.blockNumber === entry.mined?.block) return;
      entry.mined = { hash, block: mined.blockNumber };
      return table.changed();
    }
    if (entry.nonce < count) {
      entry.missingSince ??= now();
      if (now() - entry.missingSince >= MISSING_MS) table.remove(entry);
      return;
    }
    events.vanished(entry.what, hash);
    entry.mined = undefined;
    entry.sentAt = now();
    if (await isWorthIt(entry)) {
      table.changed();
      await tell(entry);
    } else {
      table.remove(entry);
    }
  }

  /** The same call, asked of the chain as it is now. */
  async function isWorthIt({ what, to, data }: Entry): Promise<boolean> {
    if (what === 'fill') return true;
    try {
      await transactions.estimate({ to, data });
      return true;
    } catch (error) {
      if (error instanceof RpcRefusal && error.kind === 'reverted') return false;
      throw error;
    }
  }

  async function push(count: number): Promise<void> {
    for (const entry of table.unmined())
      if (entry.nonce > count + FURTHEST) table.remove(entry, { kind: 'superseded' });
    const waiting = table.unmined().filter(({ nonce }) => nonce >= count);
    const [first] = waiting;
    if (first === undefined) return;
    if (first.nonce > count) await overcomeGap(count);
    else if (now() - first.sentAt >= stuckMs) await replace(first);
    for (const entry of waiting) if (now() - entry.toldAt >= stuckMs / 2) await tell(entry);
  }

  /**
   * A number below ours that nothing of ours has: somebody uses the same key, and their transaction is gone or does not
   * move. It is given as long as one of ours is; then the number is used up, since nothing else could ever be mined.
   */
  async function overcomeGap(count: number): Promise<void> {
    if (gap.nonce !== count) gap = { nonce: count, since: now() };
    if (now() - gap.since < stuckMs) return;
    const fee = firstFee(await transactions.market(), maxFeePerGas);
    const fill = { what: 'fill', key: `fill/${count}`, version: '', nonce: count, ...emptyCall() } as const;
    const entry = createEntry({ ...fill, fee, now: now() });
    table.add(entry);
    // Whatever is there has a fee that is not known: it is outbid step by step.
    if ((await tell(entry)) === 'underpriced') entry.sentAt = Number.NEGATIVE_INFINITY;
  }

  async function replace(entry: Entry): Promise<void> {
    const fee = higherFee(entry.fee, await wantedFee(entry), maxFeePerGas);
    if (fee === undefined) {
      if (!entry.capped) events.capped(entry.what);
      entry.capped = true;
      return;
    }
    if (!(await isWorthIt(entry))) {
      entry.ending ??= { kind: 'superseded' };
      Object.assign(entry, { what: 'fill', key: `fill/${entry.nonce}`, ...emptyCall() });
    }
    entry.fee = fee;
    table.changed();
    events.replaced(entry.what, fee);
    if ((await tell(entry)) !== 'underpriced') entry.sentAt = now();
  }

  async function wantedFee(entry: Entry): Promise<Fee> {
    try {
      return firstFee(await transactions.market(), maxFeePerGas);
    } catch {
      // Above the cap, or not known: then what is needed to replace it decides alone.
      return entry.fee;
    }
  }

  const emptyCall = (): Pick<Entry, 'to' | 'data' | 'gas'> => ({
    to: transactions.operator,
    data: '0x',
    gas: FILL_GAS,
  });

  async function tell(entry: Entry): Promise<'taken' | 'unknown' | RpcRefusal['kind']> {
    entry.toldAt = now();
    try {
      const { hash, send } = await transactions.prepare(entry);
      // On disk before anybody has it: a successor finds it by its hash.
      if (hash !== undefined) keepHash(entry, hash);
      keepHash(entry, await send());
      return 'taken';
    } catch (error) {
      if (!(error instanceof RpcRefusal)) return 'unknown';
      if (error.kind === 'other') {
        entry.refusals += 1;
        if (entry.refusals >= REFUSALS) table.remove(entry, { kind: 'superseded' });
      }
      return error.kind;
    }
  }

  function keepHash(entry: Entry, hash: Hex): void {
    if (entry.hashes.includes(hash)) return;
    entry.hashes.push(hash);
    table.changed();
  }

  return { look, tell };
}
