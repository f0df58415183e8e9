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
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { consistencyProof, inclusionProof, type NodeReader } from '../../wire/tree/index.ts';
import { TILE_WIDTH, type Tile } from '../../wire/tree/tiles.ts';
import { decodeWords, encodeWords } from '../../wire/words.ts';
import { type AheadMark, openAhead } from './ahead.ts';
import { type LogOwner, logOf, logOwner } from './append.ts';
import { DROPPED, itemAt, RECEIPTS, receiptsBetween } from './chunks.ts';
import { type Conflict, decodeConflict } from './conflicts.ts';
import { JournalError, type JournalErrorCode } from './errors.ts';
import { createGathering } from './gathering.ts';
import { decodeHead, heldHeads, type SignedHead } from './heads.ts';
import { chargeKey, executionKey, keyAfter, logKeys, nameOf, placeKey, readU48, u48 } from './keys.ts';
import { createTails, extentOf, findPlaces, listRest, type Place } from './requests.ts';
import { type Retained, type RetentionPolicy, retainLogs } from './retention.ts';
import { openStore, type Put, type StoreReader } from './store.ts';
import { storedHashes, tileReader } from './tiles.ts';

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
  /** The hashes of a tile; fewer than its width where the tree ends before. */
  tile(log: Uint8Array, tile: Tile): readonly Uint8Array[];
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
  const tails = createTails();
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

  const gathering = createGathering({ store, extra: seenPuts, logs: OWNERS });

  /**
   * What was answered for and not yet synced when the last process ended. It is read like what a worker sends: a power cut
   * can leave anything here, and whatever does not go on from what is stored was never acknowledged. Nobody was heard of by
   * it: a log that has ended would be young again after each start.
   */
  function takeLeft(): void {
    const found = new Map<string, { readonly owner: LogOwner; readonly arrived: Entries[] }>();
    for (const { log, entries } of ahead.left) {
      try {
        const name = nameOf(log);
        const known = found.get(name) ?? { owner: ownerOf(log), arrived: [] };
        known.arrived.push(decodeEntries(entries));
        found.set(name, known);
      } catch (error) {
        if (!(error instanceof WireError || error instanceof JournalError)) throw error;
      }
    }
    store.writeNow(
      [...found.values()].map(
        ({ owner, arrived }) =>
          (reader) =>
            gathering.plan(
              reader,
              owner,
              arrived.sort((a, b) => a.from - b.from),
            ),
      ),
    );
    ahead.forgetLeft();
  }

  /** Of logs that ended with the last process, or go on: one start lists no more of each than was not listed. */
  function listAll(): void {
    for (const { key: log } of store.range('sizes', { ...logKeys, limit: limits.treeSize })) {
      store.writeNow([(reader) => ({ puts: listRest(store, reader, log), outcome: { value: undefined } })]);
    }
  }

  takeLeft();
  listAll();

  function append(log: Uint8Array, entries: Entries, encoded: Uint8Array): Appended {
    if (closed) throw new JournalError('journal_closed', 'the journal is closed');
    const owner = ownerOf(log);
    const mark = markAhead(log, encoded);
    const durable = gathering.add(owner, entries);
    if (mark === undefined) store.flush();
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
    return newest === undefined ? undefined : decodeHead(newest);
  }

  function treeOf(log: Uint8Array): NodeReader {
    return tileReader(store, log, extentOf(store, log).size);
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
    caughtUp: () => {
      store.flush();
      return appending;
    },
    logInfo,
    logs: (limit) => store.range('logs', { ...logKeys, limit }).map(({ key }) => key),
    evidence: (log) => store.get('evidence', log),
    size: (log) => extentOf(store, log).size,
    newestHead,
    heads: (log, after, limit) =>
      heldHeads(
        () => ownerOf(log),
        store.range('heads', { start: placeKey(log, after + 1), end: keyAfter(log), limit }),
      ),
    entries(log, from, { size, head, signature }) {
      const receipts = receiptsBetween(store, log, { from, end: size });
      if (receipts.length !== size - from) throw new JournalError('receipt_dropped', 'not all of them are kept');
      return { from, receipts, executions: receipts.map((receipt) => executionOf(log, receipt)), head, signature };
    },
    places: (requestId) => findPlaces(store, tails, requestId, limits.receiptsPerRequest),
    bundle(place) {
      const { log, index } = place;
      const receipt = itemAt(store, RECEIPTS, place);
      const newest = newestHead(log);
      if (receipt === undefined && itemAt(store, DROPPED, place) !== undefined) {
        throw new JournalError('receipt_dropped', 'its time was over');
      }
      if (receipt === undefined || newest === undefined) throw new JournalError('receipt_unknown', 'no such receipt');
      return {
        receipt,
        execution: executionOf(log, receipt),
        proof: inclusionProof(treeOf(log), index, newest.size),
        head: newest.head,
        signature: newest.signature,
      };
    },
    consistency(log, first, second) {
      const size = extentOf(store, log).size;
      if (first < 1 || second < first || second > size)
        throw new JournalError('size_unknown', `sizes are 1 to ${size}`);
      return consistencyProof(treeOf(log), first, second);
    },
    tile: (log, { level, index, width }) =>
      storedHashes(store, log, { tileLevel: level, index: index * TILE_WIDTH, count: width }),
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
