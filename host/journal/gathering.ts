import type { Entries } from '../../wire/message/link.ts';
import type { LogOwner } from './append.ts';
import { growLog, type Outcome } from './growth.ts';
import { nameOf } from './keys.ts';
import type { Plan, Put, Store, StoreReader } from './store.ts';
import type { Tail } from './tail.ts';

/** Entries of one log that wait together are checked and stored together. */
export interface Gathering {
  /** Gives the number of leaves once these entries are durable. */
  add(owner: LogOwner, entries: Entries): Promise<number>;
  /** What is to be stored for these entries, in the order in which they stand in the log. */
  plan(reader: StoreReader, owner: LogOwner, arrived: readonly Entries[]): Plan<readonly Outcome[]>;
}

export interface GatheringOptions {
  readonly store: Store;
  /** What goes with each commit of a worker's entries. */
  readonly extra: (reader: StoreReader, log: Uint8Array) => readonly Put[];
  /** Trees that are remembered. */
  readonly logs: number;
}

interface Group {
  readonly arrived: Entries[];
  receipts: number;
  readonly outcomes: Promise<readonly Outcome[]>;
}

/** As soon as so many receipts wait, they are committed: a worker holds only so many leaves that are not. */
const GROUP_RECEIPTS = 512;

export function createGathering({ store, extra, logs }: GatheringOptions): Gathering {
  const groups = new Map<string, Group>();
  /** How each tree ended when it was last stored. */
  const tails = new Map<string, Tail>();

  function plan(reader: StoreReader, owner: LogOwner, arrived: readonly Entries[]): Plan<readonly Outcome[]> {
    const name = nameOf(owner.log);
    const { puts, outcomes, tail } = growLog({ reader, store, owner, tail: tails.get(name) }, arrived);
    tails.delete(name);
    if (tails.size >= logs) tails.delete(tails.keys().next().value as string);
    tails.set(name, tail);
    return { puts, outcome: { value: outcomes } };
  }

  /** Checked when its turn to be stored has come: nobody's answer waits for the signature of a head. */
  function groupOf(owner: LogOwner): Group {
    const name = nameOf(owner.log);
    const known = groups.get(name);
    if (known !== undefined) return known;
    const arrived: Entries[] = [];
    const outcomes = store.writeSoon((reader) => {
      groups.delete(name);
      const planned = plan(reader, owner, arrived);
      return { ...planned, puts: [...planned.puts, ...extra(reader, owner.log)] };
    });
    const group: Group = { arrived, receipts: 0, outcomes };
    groups.set(name, group);
    return group;
  }

  return {
    plan,
    async add(owner, entries) {
      const group = groupOf(owner);
      const place = group.arrived.push(entries) - 1;
      group.receipts += entries.receipts.length;
      if (group.receipts >= GROUP_RECEIPTS) store.flush();
      const outcome = (await group.outcomes)[place] as Outcome;
      if ('refusal' in outcome) throw outcome.refusal;
      return outcome.size;
    },
  };
}
