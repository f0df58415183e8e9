import { createReadStream, createWriteStream } from 'node:fs';
import type { Journal } from '../../host/journal/index.ts';
import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { leafPreimage } from '../../wire/message/receipt.ts';

/** The clients' own memory of a soak: requestId || index (u48) || leaf hash of every receipt that came. On disk, since hours have millions. */
const ENTRY_BYTES = 32 + 6 + 32;

export interface Ledger {
  add(requestId: Uint8Array, index: number, receipt: Uint8Array): void;
  close(): Promise<void>;
}

export function openLedger(path: string): Ledger {
  const file = createWriteStream(path);
  return {
    add(requestId, index, receipt) {
      const place = Buffer.alloc(6);
      place.writeUIntBE(index, 0, 6);
      file.write(concatBytes(requestId, place, sha256(leafPreimage(receipt))));
    },
    close: () =>
      new Promise((resolve, reject) => {
        file.once('error', reject);
        file.end(resolve);
      }),
  };
}

export interface LedgerVerdict {
  readonly receipts: number;
  /** Receipts that a client has seen and the journal has not, or has otherwise. */
  readonly lost: readonly string[];
  /** Places of the log that two answers claim. */
  readonly claimedTwice: number;
}

const MOST_NAMED = 10;

/** Whether everything that clients have seen is in the journal, at the place that the receipt says, bit for bit. */
export async function checkLedger(path: string, journal: Journal, log: Uint8Array): Promise<LedgerVerdict> {
  const lost: string[] = [];
  const places = new Set<number>();
  let receipts = 0;
  let claimedTwice = 0;
  const judge = (entry: Buffer): void => {
    receipts++;
    const requestId = Uint8Array.from(entry.subarray(0, 32));
    const index = entry.readUIntBE(32, 6);
    if (places.has(index)) claimedTwice++;
    places.add(index);
    const held = journal.places(requestId).find((place) => place.index === index && equalBytes(place.log, log));
    const leaf = held === undefined ? undefined : sha256(leafPreimage(journal.bundle(held).receipt));
    const intact = leaf !== undefined && equalBytes(leaf, entry.subarray(38));
    if (!intact && lost.length < MOST_NAMED) lost.push(`leaf ${index} of request ${toHex(requestId)}`);
  };
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % ENTRY_BYTES);
    for (let at = 0; at < whole; at += ENTRY_BYTES) judge(bytes.subarray(at, at + ENTRY_BYTES));
    rest = bytes.subarray(whole);
  }
  return { receipts, lost, claimedTwice };
}
