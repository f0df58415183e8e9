import { type KeyObject, verify } from 'node:crypto';
import { concatBytes, equalBytes, isZero } from '../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../wire/codec/cbor.ts';
import { checkSignatureFormat } from '../../wire/crypto/ecdsa.ts';
import { importPoint, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeIdentity, logPreimage, signerPoint, type WorkerIdentity } from '../../wire/message/identity.ts';
import type { Entries, ReadyInfo } from '../../wire/message/link.ts';
import {
  decodeReceipt,
  decodeTreeHead,
  leafPreimage,
  RECEIPT_BYTES,
  type Receipt,
  type TreeHead,
} from '../../wire/message/receipt.ts';
import { completedNodes, type NodeReader, treeRoot } from '../../wire/tree/index.ts';
import { JournalError } from './errors.ts';
import { chargeKey, executionKey, nameOf, nodeKey, placeKey, readU48, requestKey, u48 } from './keys.ts';
import type { Plan, Put, StoreReader } from './store.ts';

/** Entries whose form and signature hold; whether they fit what is stored is decided when it is their turn. */
export interface CheckedEntries {
  readonly log: Uint8Array;
  readonly entries: Entries;
  readonly head: TreeHead;
  readonly receipts: readonly Indexed[];
}

/** What is looked up by: the rest of a receipt is dropped once it was checked, since thousands wait for a commit. */
type Indexed = Pick<Receipt, 'requestId' | 'channel' | 'execution'>;

/** Refuses words that do not belong together: a log's name must stand for this very configuration and runtime. */
export function logOf(ready: ReadyInfo): Uint8Array {
  try {
    const identity = decodeIdentity(ready.identity);
    if (!equalBytes(sha256(ready.configuration), identity.config)) {
      throw new JournalError('journal_invalid', 'the configuration is not the one that the identity names');
    }
    if (!equalBytes(sha256(ready.runtime), identity.runtime)) {
      throw new JournalError('journal_invalid', 'the runtime is not the one that the identity names');
    }
    return sha256(logPreimage(ready.identity));
  } catch (error) {
    if (error instanceof WireError) throw new JournalError('journal_invalid', error.code, { cause: error });
    throw error;
  }
}

/** Whose entries a log takes. */
export interface LogOwner {
  readonly log: Uint8Array;
  readonly identity: WorkerIdentity;
  /** Imported once: OpenSSL's first look at a key costs more than a signature. */
  readonly signer: KeyObject;
}

export function logOwner(log: Uint8Array, identityWords: Uint8Array): LogOwner {
  const identity = decodeIdentity(identityWords);
  return { log, identity, signer: importPoint('P-256', signerPoint(identity)) };
}

/**
 * Everything that can be said about entries without looking at the store. The journal counts for nothing in any proof,
 * but a host that stores what its own clients will refuse would be the last to know.
 */
export function checkEntries({ log, identity, signer }: LogOwner, entries: Entries): CheckedEntries {
  try {
    const head = decodeTreeHead(entries.head);
    if (!equalBytes(head.log, log)) throw invalid('the head names another log');
    if (head.chainId !== identity.chainId || !equalBytes(head.settlement, identity.settlement)) {
      throw invalid('the head names another chain or settlement');
    }
    if (head.size !== entries.from + entries.receipts.length)
      throw invalid('the head does not end with these receipts');
    checkSignatureFormat(entries.signature);
    if (!verify('sha256', entries.head, { key: signer, dsaEncoding: 'ieee-p1363' }, entries.signature)) {
      throw invalid('the signature of the head does not hold');
    }
    if (entries.executions.length !== entries.receipts.length) throw invalid('one execution for each receipt');
    const nameOf = executionNames();
    const receipts = entries.receipts.map((bytes, offset) => {
      const receipt = decodeReceipt(bytes);
      if (receipt.index !== BigInt(entries.from + offset)) throw invalid('a receipt stands at another index');
      if (!equalBytes(nameOf(entries.executions[offset] as Uint8Array), receipt.execution)) {
        throw invalid('an execution is not the one that its receipt names');
      }
      return { requestId: receipt.requestId, channel: receipt.channel, execution: receipt.execution };
    });
    return { log, entries, head, receipts };
  } catch (error) {
    if (error instanceof WireError) throw new JournalError('journal_invalid', error.code, { cause: error });
    throw error;
  }
}

/** Neighbours mostly ran in the same way: comparing is cheaper than hashing. */
function executionNames(): (execution: Uint8Array) => Uint8Array {
  let last: Uint8Array | undefined;
  let name: Uint8Array = new Uint8Array(0);
  return (execution) => {
    if (last === undefined || Buffer.compare(last, execution) !== 0) {
      last = execution;
      name = sha256(execution);
    }
    return name;
  };
}

function invalid(detail: string): JournalError {
  return new JournalError('journal_invalid', detail);
}

/**
 * Adds what is new and accepts again what is stored already (a worker repeats whatever was not acknowledged). Different
 * bytes in one place are an equivocation of the worker: both sides are kept, and nothing else of the entries is.
 */
export function planAppend(reader: StoreReader, checked: CheckedEntries): Plan<number> {
  const { log, entries, head } = checked;
  const size = storedSize(reader, log);
  if (entries.from > size) {
    throw new JournalError('journal_gap', `entries start at ${entries.from}, the journal ends at ${size}`);
  }
  const before = nodeReader(reader, log);
  for (const [offset, offered] of entries.receipts.slice(0, size - entries.from).entries()) {
    const index = entries.from + offset;
    // The leaf outlives the receipt (see retention.ts), and says the same about it.
    if (equalBytes(before(0, index), leafHash(offered))) continue;
    return conflict(reader, checked, index, reader.get('receipts', placeKey(log, index)), offered);
  }
  const fresh = entries.receipts.slice(Math.max(0, size - entries.from));
  const nodes = completedNodes(size, fresh.map(leafHash), before);
  const nodePuts = nodes.map(
    ({ level, index, hash }): Put => ({ table: 'nodes', key: nodeKey(log, level, index), value: hash }),
  );
  const byName = new Map(nodes.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  const root = treeRoot((level, index) => byName.get(`${level}/${index}`) ?? before(level, index), head.size);
  if (!equalBytes(root, head.root)) return conflict(reader, checked, head.size, root, head.root);

  const newSize = Math.max(size, head.size);
  return {
    puts: [
      ...receiptPuts(checked, size),
      ...executionPuts(reader, checked, size),
      ...chargePuts(checked, size),
      ...nodePuts,
      ...headPuts(reader, checked),
      sizePut(log, newSize),
    ],
    outcome: { value: newSize },
  };
}

function receiptPuts({ log, entries, receipts }: CheckedEntries, size: number): readonly Put[] {
  return receipts.flatMap(({ requestId }, offset): readonly Put[] => {
    const index = entries.from + offset;
    if (index < size) return [];
    return [
      { table: 'receipts', key: placeKey(log, index), value: entries.receipts[offset] as Uint8Array },
      { table: 'requests', key: requestKey(requestId, log, index), value: Uint8Array.of(1) },
    ];
  });
}

/** What many receipts share is written once. */
function executionPuts(reader: StoreReader, { log, entries, receipts }: CheckedEntries, size: number): readonly Put[] {
  const puts: Put[] = [];
  for (const [offset, { execution }] of receipts.entries()) {
    const key = executionKey(log, execution);
    if (entries.from + offset < size || puts.some((put) => equalBytes(put.key, key))) continue;
    if (reader.get('executions', key) !== undefined) continue;
    puts.push({ table: 'executions', key, value: entries.executions[offset] as Uint8Array });
  }
  return puts;
}

/** Sums grow with the index: the last receipt of a channel is the one that is claimed with. */
function chargePuts({ log, entries, receipts }: CheckedEntries, size: number): readonly Put[] {
  const last = new Map<string, Put>();
  for (const [offset, { channel }] of receipts.entries()) {
    const index = entries.from + offset;
    if (index < size || isZero(channel)) continue;
    last.set(nameOf(channel), { table: 'charges', key: chargeKey(log, channel), value: u48(index) });
  }
  return [...last.values()];
}

/** A head is kept as it came first: the same words under a second signature say nothing new. */
function headPuts(reader: StoreReader, { log, entries, head }: CheckedEntries): readonly Put[] {
  const key = placeKey(log, head.size);
  if (reader.get('heads', key) !== undefined) return [];
  return [{ table: 'heads', key, value: concatBytes(entries.head, entries.signature) }];
}

function sizePut(log: Uint8Array, size: number): Put {
  return { table: 'sizes', key: log, value: u48(size) };
}

function conflict(
  reader: StoreReader,
  { log, entries, head }: CheckedEntries,
  position: number,
  stored: Uint8Array | undefined,
  offered: Uint8Array,
): Plan<number> {
  const refusal = new JournalError('journal_conflict', `the worker said two things about ${position}`);
  const taken = Array.from({ length: limits.journalConflicts }, (_, number) => placeKey(log, number));
  const key = taken.find((candidate) => reader.get('conflicts', candidate) === undefined);
  if (key === undefined) return { puts: [], outcome: { refusal } };
  const storedHead = reader.get('heads', placeKey(log, head.size));
  const value = encodeCbor(
    new Map<string, CborValue>([
      ['position', position],
      ['stored', stored ?? null],
      ['offered', offered],
      ['head', entries.head],
      ['signature', entries.signature],
      ['storedHead', storedHead ?? null],
    ]),
  );
  return { puts: [{ table: 'conflicts', key, value }], outcome: { refusal } };
}

export function storedSize(reader: StoreReader, log: Uint8Array): number {
  const value = reader.get('sizes', log);
  return value === undefined ? 0 : readU48(value, 0);
}

export function nodeReader(reader: StoreReader, log: Uint8Array): NodeReader {
  return (level, index) => {
    const hash = reader.get('nodes', nodeKey(log, level, index));
    if (hash === undefined) throw new JournalError('journal_failed', `the tree lacks node ${level}/${index}`);
    return hash;
  };
}

/** Written over for each receipt, like a node's in wire/tree/nodes.ts. */
const preimage: Uint8Array = leafPreimage(new Uint8Array(RECEIPT_BYTES));

/** Of a receipt whose length was checked. */
export function leafHash(receipt: Uint8Array): Uint8Array {
  preimage.set(receipt, 1);
  return sha256(preimage);
}
