import { concatBytes, equalBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { type ChannelFields, channelLayout, channelPreimage } from '../../wire/message/authorisations.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeVoucherRaise, encodeVoucherRaise, type VoucherRaise } from '../../wire/message/channel.ts';
import {
  decodeEntries,
  decodeReadyInfo,
  type Entries,
  encodeEntries,
  encodeReadyInfo,
  type ReadyInfo,
} from '../../wire/message/link.ts';
import { decodeReceipt, HEAD_BYTES } from '../../wire/message/receipt.ts';
import { consistencyProof, inclusionProof } from '../../wire/tree/index.ts';
import { decodeWords, encodeWords } from '../../wire/words.ts';
import { type AheadMark, openAhead } from './ahead.ts';
import {
  type CheckedEntries,
  checkEntries,
  type LogOwner,
  logOf,
  logOwner,
  nodeReader,
  planAppend,
  storedSize,
} from './append.ts';
import { type Conflict, decodeConflict } from './conflicts.ts';
import { JournalError, type JournalErrorCode } from './errors.ts';
import { chargeKey, executionKey, keyAfter, nodeKey, placeKey, readU48, u48 } from './keys.ts';
import { type Retained, type RetentionPolicy, retainLogs } from './retention.ts';
import { openStore, type Plan, type Put, type StoreReader } from './store.ts';

export interface Place {
  readonly log: Uint8Array;
  readonly index: number;
}

export interface SignedHead {
  readonly size: number;
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Appended {
  /** Their bytes survive `kill -9` of any process: answers may leave. Nobody has looked at them yet. */
  readonly written: Promise<void>;
  /** They were checked, and survive a power cut; gives the number of leaves for which that holds. */
  readonly durable: Promise<number>;
}

/**
 * The host's memory (DESIGN section 4): every receipt, the complete subtrees that proofs are made from, every signed
 * head, and what a log's name stands for. One process writes; it may be killed at any moment.
 */
export interface Journal {
  /** Remembers what a log's name stands for; returns the name. */
  openLog(ready: ReadyInfo): Promise<Uint8Array>;
  /** Keeps the first evidence that was served for a log; later ones change nothing. */
  saveEvidence(log: Uint8Array, evidence: Uint8Array): Promise<void>;
  /** `encoded` are the bytes that the entries were read from, where there are such. */
  append(log: Uint8Array, entries: Entries, encoded?: Uint8Array): Appended;
  /** Resolves when everything that was appended before can be read here, whether it was synced or refused. */
  caughtUp(): Promise<void>;
  logInfo(log: Uint8Array): ReadyInfo;
  /** Those that were opened here, in no order that means anything. */
  logs(limit: number): readonly Uint8Array[];
  evidence(log: Uint8Array): Uint8Array | undefined;
  size(log: Uint8Array): number;
  newestHead(log: Uint8Array): SignedHead | undefined;
  /** Heads of sizes above `after`, smallest first. */
  heads(log: Uint8Array, after: number, limit: number): readonly SignedHead[];
  /** The receipts from `from` up to a head, as their worker sent them. */
  entries(log: Uint8Array, from: number, head: SignedHead): Entries;
  places(requestId: Uint8Array): readonly Place[];
  /** A receipt with its proof in the newest head. */
  bundle(place: Place): ReceiptBundle;
  consistency(log: Uint8Array, first: number, second: number): readonly Uint8Array[];
  /** The hashes of so many complete subtrees of one level, from the first on; fewer where the tree ends before. */
  nodes(
    log: Uint8Array,
    first: { readonly level: number; readonly index: number },
    count: number,
  ): readonly Uint8Array[];
  conflicts(log: Uint8Array): readonly Conflict[];
  /** What a channel's name stands for. */
  saveChannel(fields: ChannelFields): Promise<void>;
  channel(id: Uint8Array): ChannelFields | undefined;
  /** Keeps the highest voucher of each channel and log. Whether it is signed is for whoever saves it. */
  saveVoucher(log: Uint8Array, voucher: VoucherRaise): Promise<void>;
  /** The vouchers for one log, in the order of their channels, from the one after `after`. */
  vouchers(log: Uint8Array, after: Uint8Array | undefined, limit: number): readonly VoucherRaise[];
  /** The last receipt of a channel in a log. */
  charged(log: Uint8Array, channel: Uint8Array): Place | undefined;
  /** Drops what the policy says, of logs that are not in use. */
  retain(policy: RetentionPolicy, inUse: (log: Uint8Array) => boolean): Promise<Retained>;
  close(): Promise<void>;
}

/** Signers that stay imported: more than one machine has workers. */
const OWNERS = 16;

export interface JournalOptions {
  readonly maxBytes: number;
  /** Milliseconds since 1970, by which logs age; the machine's clock where none is given. */
  readonly now?: () => number;
}

/** Why entries are not kept, whatever the disk can take. */
const REFUSED: ReadonlySet<JournalErrorCode> = new Set(['journal_conflict', 'journal_gap', 'journal_invalid']);

/** How exactly the journal knows when a worker was last heard of. */
const SEEN_MS = 60_000;

export function openJournal(directory: string, options: JournalOptions): Journal {
  const store = openStore(directory, options);
  const ahead = openAhead(directory);
  const now = options.now ?? Date.now;
  let appending: Promise<void> = Promise.resolve();
  let closed = false;

  /** Goes with the commit of whatever was heard. */
  function seenPuts(reader: StoreReader, log: Uint8Array): readonly Put[] {
    const stored = reader.get('seen', log);
    const time = now();
    if (stored !== undefined && Math.abs(time - readU48(stored, 0)) < SEEN_MS) return [];
    return [{ table: 'seen', key: log, value: u48(time) }];
  }

  function logInfo(log: Uint8Array): ReadyInfo {
    const stored = store.get('logs', log);
    if (stored === undefined) throw new JournalError('log_unknown', 'no such log');
    return decodeReadyInfo(stored);
  }

  /** The workers of now; their predecessors make room. */
  const owners: LogOwner[] = [];
  function ownerOf(log: Uint8Array): LogOwner {
    const known = owners.find((owner) => equalBytes(owner.log, log));
    if (known !== undefined) return known;
    const owner = logOwner(Uint8Array.from(log), logInfo(log).identity);
    owners.unshift(owner);
    owners.length = Math.min(owners.length, OWNERS);
    return owner;
  }

  /** Checked when it is their turn to be stored: nobody's answer waits for the signature of a head. */
  function planOf(log: Uint8Array, check: () => CheckedEntries): (reader: StoreReader) => Plan<number> {
    return (reader) => {
      const plan = planAppend(reader, check());
      return { ...plan, puts: [...plan.puts, ...seenPuts(reader, log)] };
    };
  }

  /**
   * What was answered for and not yet synced when the last process ended. It is read like what a worker sends: a power cut
   * can leave anything here, and whatever does not go on from what is stored was never acknowledged. Nobody was heard of by
   * it: a log that has ended would be young again after each start.
   */
  function takeLeft(): void {
    const found = ahead.left.flatMap(({ log, entries: encoded }) => {
      try {
        const entries = decodeEntries(encoded);
        const checked = checkEntries(ownerOf(log), entries);
        return [{ from: entries.from, plan: (reader: StoreReader) => planAppend(reader, checked) }];
      } catch (error) {
        if (error instanceof WireError || error instanceof JournalError) return [];
        throw error;
      }
    });
    store.writeNow(found.sort((a, b) => a.from - b.from).map(({ plan }) => plan));
    ahead.forgetLeft();
  }

  takeLeft();

  function append(log: Uint8Array, entries: Entries, encoded: Uint8Array): Appended {
    if (closed) throw new JournalError('journal_closed', 'the journal is closed');
    const owner = ownerOf(log);
    const plan = planOf(log, () => checkEntries(owner, entries));
    const mark = markAhead(log, encoded);
    const durable = mark === undefined ? store.write(plan) : store.writeSoon(plan);
    const settled = durable.then(
      () => mark?.done(),
      (error: unknown) => {
        // What was refused is decided; what a disk did not take may be all that there is of it.
        if (error instanceof JournalError && REFUSED.has(error.code)) mark?.done();
      },
    );
    // Without its results: each would hold all before it.
    appending = Promise.all([appending, settled]).then(() => undefined);
    // A disk that takes no record may still take the commit; only that is slower to say so.
    const written = mark === undefined ? durable.then(() => undefined) : Promise.resolve();
    written.catch(() => undefined);
    return { written, durable };
  }

  function markAhead(log: Uint8Array, encoded: Uint8Array): AheadMark | undefined {
    try {
      return ahead.write(log, encoded);
    } catch {
      return undefined;
    }
  }

  function executionOf(log: Uint8Array, receipt: Uint8Array): Uint8Array {
    const execution = store.get('executions', executionKey(log, decodeReceipt(receipt).execution));
    if (execution === undefined) throw new JournalError('journal_failed', 'a receipt lacks its execution');
    return execution;
  }

  function newestHead(log: Uint8Array): SignedHead | undefined {
    const [newest] = store.range('heads', { start: keyAfter(log), end: log, reverse: true, limit: 1 });
    return newest === undefined ? undefined : signedHead(newest);
  }

  return {
    async openLog(ready) {
      const log = logOf(ready);
      await store.write((reader) => ({
        puts: [
          ...(reader.get('logs', log) === undefined
            ? [{ table: 'logs', key: log, value: encodeReadyInfo(ready) } as const]
            : []),
          ...seenPuts(reader, log),
        ],
        outcome: { value: undefined },
      }));
      return log;
    },
    async saveEvidence(log, evidence) {
      await store.write((reader) => ({
        puts: reader.get('evidence', log) === undefined ? [{ table: 'evidence', key: log, value: evidence }] : [],
        outcome: { value: undefined },
      }));
    },
    append(log, entries, encoded = encodeEntries(entries)) {
      try {
        return append(log, entries, encoded);
      } catch (error) {
        const refused = Promise.reject(error);
        // Either may be the only one that a caller waits for.
        refused.catch(() => undefined);
        return { written: refused, durable: refused };
      }
    },
    caughtUp: () => appending,
    logInfo,
    logs: (limit) =>
      store.range('logs', { start: new Uint8Array(1), end: keyAfter(new Uint8Array(0)), limit }).map(({ key }) => key),
    evidence: (log) => store.get('evidence', log),
    size: (log) => storedSize(store, log),
    newestHead,
    heads: (log, after, limit) =>
      store.range('heads', { start: placeKey(log, after + 1), end: keyAfter(log), limit }).map(signedHead),
    entries(log, from, { size, head, signature }) {
      const limit = size - from;
      const rows = store.range('receipts', { start: placeKey(log, from), end: placeKey(log, size), limit });
      const receipts = rows.map(({ value }) => value);
      if (receipts.length !== limit) throw new JournalError('receipt_dropped', 'not all of them are kept');
      return { from, receipts, executions: receipts.map((receipt) => executionOf(log, receipt)), head, signature };
    },
    places: (requestId) =>
      store
        .range('requests', { start: requestId, end: keyAfter(requestId), limit: limits.receiptsPerRequest })
        .map(({ key }) => ({ log: key.slice(32, 64), index: readU48(key, 64) })),
    bundle({ log, index }) {
      const receipt = store.get('receipts', placeKey(log, index));
      const newest = newestHead(log);
      if (receipt === undefined && store.get('dropped', placeKey(log, index)) !== undefined) {
        throw new JournalError('receipt_dropped', 'its time was over');
      }
      if (receipt === undefined || newest === undefined) throw new JournalError('receipt_unknown', 'no such receipt');
      return {
        receipt,
        execution: executionOf(log, receipt),
        proof: inclusionProof(nodeReader(store, log), index, newest.size),
        head: newest.head,
        signature: newest.signature,
      };
    },
    consistency(log, first, second) {
      const size = storedSize(store, log);
      if (first < 1 || second < first || second > size)
        throw new JournalError('size_unknown', `sizes are 1 to ${size}`);
      return consistencyProof(nodeReader(store, log), first, second);
    },
    nodes(log, { level, index }, count) {
      const start = nodeKey(log, level, index);
      return store
        .range('nodes', { start, end: nodeKey(log, level, index + count), limit: count })
        .map(({ value }) => value);
    },
    conflicts: (log) =>
      store
        .range('conflicts', { start: log, end: keyAfter(log), limit: limits.journalConflicts })
        .map(({ value }) => decodeConflict(value)),
    async saveChannel(fields) {
      const value = encodeWords(channelLayout, fields);
      await store.write(() => ({
        puts: [{ table: 'channels', key: sha256(channelPreimage(fields)), value }],
        outcome: { value: undefined },
      }));
    },
    channel(id) {
      const stored = store.get('channels', id);
      return stored === undefined ? undefined : decodeWords(channelLayout, stored);
    },
    async saveVoucher(log, voucher) {
      const key = chargeKey(log, voucher.channel);
      await store.write((reader) => {
        const stored = reader.get('vouchers', key);
        const higher = stored === undefined || decodeVoucherRaise(stored).maxCumulative < voucher.maxCumulative;
        const puts = higher ? [{ table: 'vouchers', key, value: encodeVoucherRaise(voucher) } as const] : [];
        return { puts, outcome: { value: undefined } };
      });
    },
    vouchers: (log, after, limit) =>
      store
        .range('vouchers', {
          start: after === undefined ? log : concatBytes(chargeKey(log, after), Uint8Array.of(0)),
          end: keyAfter(log),
          limit,
        })
        .map(({ value }) => decodeVoucherRaise(value)),
    charged(log, channel) {
      const stored = store.get('charges', chargeKey(log, channel));
      return stored === undefined ? undefined : { log, index: readU48(stored, 0) };
    },
    async retain(policy, inUse) {
      const retained = await retainLogs(store, policy, { now: now(), inUse });
      // Whoever comes back after its log was dropped has to open it again.
      owners.length = 0;
      return retained;
    },
    async close() {
      const first = !closed;
      closed = true;
      await store.close();
      if (first) ahead.close();
    },
  };
}

function signedHead({ key, value }: { readonly key: Uint8Array; readonly value: Uint8Array }): SignedHead {
  return { size: readU48(key, 32), head: value.slice(0, HEAD_BYTES), signature: value.slice(HEAD_BYTES) };
}
