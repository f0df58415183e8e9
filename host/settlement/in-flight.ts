import type { Address, Hex } from 'viem';
import { limits } from '../../wire/limits.ts';
import type { Sent } from './chain.ts';
import type { SavedTransaction, SettlerState } from './state.ts';
import type { Fee } from './transactions.ts';

/** One number of the operator's account, and what it is used for until that is final. */
export interface Entry {
  what: SavedTransaction['what'];
  key: string;
  readonly version: string;
  readonly nonce: number;
  to: Address;
  data: Hex;
  gas: bigint;
  fee: Fee;
  /** Of everything that was sent under this number, oldest first. Only one of them can be mined. */
  readonly hashes: Hex[];
  mined: { readonly hash: Hex; readonly block: bigint } | undefined;
  ending: Ending | undefined;
  /** When it was sent first, or with its latest fee; and when it was last told to a node. */
  sentAt: number;
  toldAt: number;
  /** Since when its number is used up and no node knows by what. */
  missingSince: number | undefined;
  refusals: number;
  capped: boolean;
}

export type Ending =
  | { readonly kind: 'mined'; readonly sent: Sent }
  | { readonly kind: 'reverted'; readonly hash: Hex }
  | { readonly kind: 'superseded' };

export interface InFlight {
  /** By their numbers. */
  ordered(): readonly Entry[];
  unmined(): readonly Entry[];
  /** The newest block that one was mined in, of those that are not final. */
  readonly minedBlock: bigint;
  find(key: string): Entry | undefined;
  /** The first number from there on that nothing here uses. */
  freeFrom(count: number): number;
  add(entry: Entry): void;
  remove(entry: Entry, ending?: Ending): void;
  /** To be called after changes to what is kept on disk. */
  changed(): void;
}

/** Of one number; older ones have the lower fees. */
const HASHES = 32;

export function createInFlight(state: SettlerState, now: () => number): InFlight {
  const entries = new Map<number, Entry>();
  for (const saved of state.saved.transactions) {
    const { maxFee, tip, mined, hashes, ...rest } = saved;
    const fee = { max: maxFee, tip };
    entries.set(saved.nonce, createEntry({ ...rest, fee, hashes: [...hashes], mined: mined ?? undefined, now: now() }));
  }

  const ordered = (): readonly Entry[] => [...entries.values()].sort((one, other) => one.nonce - other.nonce);
  const minedOnes = (): readonly Entry[] => ordered().filter(({ mined }) => mined !== undefined);

  function changed(): void {
    // The oldest are the nearest to being final; what is forgotten is still seen in what it did on the chain.
    for (const { nonce } of minedOnes().slice(0, Math.max(0, minedOnes().length - limits.chainUnfinal))) {
      entries.delete(nonce);
    }
    state.saveTransactions(
      ordered().map(({ what, key, version, nonce, to, data, gas, fee, hashes, mined }) => ({
        ...{ what, key, version, nonce, to, data, gas, hashes: hashes.slice(-HASHES) },
        ...{ maxFee: fee.max, tip: fee.tip, mined: mined ?? null },
      })),
    );
  }

  return {
    ordered,
    unmined: () => ordered().filter(({ mined }) => mined === undefined),
    get minedBlock() {
      return minedOnes().reduce(
        (most, { mined }) => (mined !== undefined && mined.block > most ? mined.block : most),
        0n,
      );
    },
    find: (key) => ordered().findLast((entry) => entry.key === key),
    freeFrom(count) {
      let nonce = count;
      while (entries.has(nonce)) nonce += 1;
      return nonce;
    },
    add(entry) {
      entries.set(entry.nonce, entry);
      changed();
    },
    remove(entry, ending) {
      entry.ending ??= ending;
      if (entries.get(entry.nonce) === entry) entries.delete(entry.nonce);
      changed();
    },
    changed,
  };
}

type NewEntry = Pick<Entry, 'what' | 'key' | 'version' | 'nonce' | 'to' | 'data' | 'gas' | 'fee'> &
  Partial<Pick<Entry, 'hashes' | 'mined'>> & { readonly now: number };

export function createEntry({ now, hashes, mined, ...given }: NewEntry): Entry {
  return {
    ...given,
    hashes: hashes ?? [],
    mined,
    ending: undefined,
    sentAt: now,
    toldAt: now,
    missingSince: undefined,
    refusals: 0,
    capped: false,
  };
}
