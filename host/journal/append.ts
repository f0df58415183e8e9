import { type KeyObject, verify } from 'node:crypto';
import { equalBytes } from '../../wire/bytes.ts';
import { checkSignatureFormat } from '../../wire/crypto/ecdsa.ts';
import { importPoint, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
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
import { JournalError } from './errors.ts';

/** Entries whose form holds; whether they fit what is stored is decided when it is their turn. */
export interface CheckedEntries {
  readonly entries: Entries;
  readonly head: TreeHead;
  readonly receipts: readonly Indexed[];
}

/** What is looked up by. */
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
export function checkEntries(owner: LogOwner, entries: Entries): CheckedEntries {
  const checked = checkForm(owner, entries);
  checkSignature(owner, checked.entries);
  return checked;
}

export function checkSignature({ signer }: LogOwner, { head, signature }: Pick<Entries, 'head' | 'signature'>): void {
  try {
    checkSignatureFormat(signature);
  } catch (error) {
    throw asInvalid(error);
  }
  if (!verify('sha256', head, { key: signer, dsaEncoding: 'ieee-p1363' }, signature)) {
    throw invalid('the signature of the head does not hold');
  }
}

/** All but the signature. */
export function checkForm({ log, identity }: LogOwner, entries: Entries): CheckedEntries {
  try {
    const head = decodeTreeHead(entries.head);
    if (!equalBytes(head.log, log)) throw invalid('the head names another log');
    if (head.chainId !== identity.chainId || !equalBytes(head.settlement, identity.settlement)) {
      throw invalid('the head names another chain or settlement');
    }
    if (head.size !== entries.from + entries.receipts.length)
      throw invalid('the head does not end with these receipts');
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
    return { entries, head, receipts };
  } catch (error) {
    throw asInvalid(error);
  }
}

function asInvalid(error: unknown): unknown {
  return error instanceof WireError ? new JournalError('journal_invalid', error.code, { cause: error }) : error;
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

/** Written over for each receipt, like a node's in wire/tree/nodes.ts. */
const preimage: Uint8Array = leafPreimage(new Uint8Array(RECEIPT_BYTES));

/** Of a receipt whose length was checked. */
export function leafHash(receipt: Uint8Array): Uint8Array {
  preimage.set(receipt, 1);
  return sha256(preimage);
}
