import { limits } from '../../wire/limits.ts';
import type { Entry } from './in-flight.ts';
import type { SavedTransaction } from './state.ts';

/**
 * What a host says of its own settling, for whoever is curious and for consoles. Nothing of it is proven: heads and
 * transactions can be looked up on the chain, and how far behind it is can only be believed. Amounts are left out, since
 * what an operator has not claimed yet is its own business. The published schema is
 * attestations/schemas/proofmark-settlement.schema.json.
 */
export interface SettlementWord {
  readonly chainId: string;
  /** Hex digits without 0x, as everywhere in answers of a host. */
  readonly settlement: string;
  /** Receipts that no posted head stands above. */
  readonly unpostedLeaves: number;
  /** Whole seconds since a round in which nothing failed. */
  readonly quietSeconds: number;
  /** The largest head of each log that the settler saw on chain. */
  readonly heads: readonly { readonly log: string; readonly size: number }[];
  /** The settler's own that are not final yet, newest first. */
  readonly transactions: readonly TransactionWord[];
}

export interface TransactionWord {
  readonly what: SavedTransaction['what'];
  /** Of the latest that was sent under its number, or the one that was mined; null before any was. */
  readonly hash: string | null;
  readonly block: string | null;
}

export function transactionWords(entries: readonly Entry[]): readonly TransactionWord[] {
  return entries
    .map(({ what, hashes, mined }) => ({
      what,
      hash: digits(mined?.hash ?? hashes.at(-1)),
      block: mined === undefined ? null : String(mined.block),
    }))
    .reverse()
    .slice(0, limits.chainUnfinal);
}

/** The logs that were posted last. */
export function headWordsOf(heads: ReadonlyMap<string, number>): SettlementWord['heads'] {
  return [...heads].slice(-limits.watchedHeads).map(([log, size]) => ({ log: log.slice(2), size }));
}

function digits(hash: string | undefined): string | null {
  return hash === undefined ? null : hash.slice(2);
}
