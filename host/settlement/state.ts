import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Address, Hex } from 'viem';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import {
  array,
  decimal,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
} from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';

/**
 * What neither the chain nor the journal tells a settler that starts again: which numbers it gave to which transactions,
 * how far it has read, and answers to contracts, whose receipts alone are in the journal. All of it saves gas and work;
 * without it nothing is paid twice and nothing is forgotten.
 */
export interface SettlerState {
  readonly saved: Saved;
  /** On disk when it returns: a transaction is written down before anybody has it. */
  saveTransactions(transactions: readonly SavedTransaction[]): void;
  saveReading(reading: Reading): void;
  answer(escrow: Uint8Array): SavedAnswer | undefined;
  saveAnswer(escrow: Uint8Array, answer: SavedAnswer): void;
  /** Leaves the answers to these only. */
  keepAnswers(escrows: ReadonlySet<string>): void;
}

export interface SavedAnswer {
  readonly log: Uint8Array;
  readonly output: Uint8Array;
}

export interface Reading {
  readonly nextBlock: bigint;
  /** Requests that are not settled for good, with the block that asked for each. */
  readonly escrows: readonly { readonly id: Hex; readonly block: bigint }[];
  /** The largest posted size of each log. */
  readonly heads: readonly { readonly log: Hex; readonly size: number }[];
}

export interface SavedTransaction {
  readonly what: 'register' | 'postHead' | 'claim' | 'fulfil' | 'fill';
  readonly key: string;
  readonly version: string;
  readonly nonce: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly maxFee: bigint;
  readonly tip: bigint;
  readonly hashes: readonly Hex[];
  readonly mined: { readonly hash: Hex; readonly block: bigint } | null;
}

export interface Saved {
  readonly transactions: readonly SavedTransaction[];
  /** None where nothing was ever read. */
  readonly reading: Reading | null;
}

export interface StateOptions {
  readonly directory: string;
  /** Another chain, or the same from another beginning, has a state of its own. */
  readonly name: string;
}

const hexText: Reader<Hex> = text({
  min: 2,
  max: limits.settlerStateBytes,
  pattern: /^0x(?:[0-9a-fA-F]{2})*$/,
}) as Reader<Hex>;
const amount: Reader<bigint> = decimal(256);
const address = hexText as Reader<Address>;

const transaction: Reader<SavedTransaction> = object<SavedTransaction>({
  what: oneOf(['register', 'postHead', 'claim', 'fulfil', 'fill']),
  key: text({ min: 1, max: 512 }),
  version: text({ min: 0, max: 128 }),
  nonce: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  to: address,
  data: hexText,
  gas: amount,
  maxFee: amount,
  tip: amount,
  hashes: array(hexText, { min: 0, max: 256 }),
  mined: nullable(object<{ readonly hash: Hex; readonly block: bigint }>({ hash: hexText, block: amount })),
});

const reading: Reader<Reading> = object<Reading>({
  nextBlock: amount,
  escrows: array(object<Reading['escrows'][number]>({ id: hexText, block: amount }), { min: 0, max: 65_536 }),
  heads: array(object<Reading['heads'][number]>({ log: hexText, size: integer({ min: 0, max: limits.treeSize }) }), {
    min: 0,
    max: 65_536,
  }),
});

const transactionsFile: Reader<{ readonly version: 1; readonly transactions: readonly SavedTransaction[] }> = object({
  version: literal(1),
  transactions: array(transaction, { min: 0, max: 65_536 }),
});

const LOG_BYTES = 32;
const ANSWERS = 'answers';

export function openState({ directory, name }: StateOptions): SettlerState {
  const folder = join(directory, name);
  const answers = join(folder, ANSWERS);
  mkdirSync(answers, { recursive: true, mode: 0o700 });
  const transactionsPath = join(folder, 'transactions.json');
  const readingPath = join(folder, 'reading.json');
  const answerPath = (escrow: string): string => join(answers, escrow);

  return {
    saved: {
      transactions: readFile(transactionsPath, transactionsFile)?.transactions ?? [],
      reading: readFile(readingPath, reading) ?? null,
    },
    saveTransactions: (transactions) => replace(transactionsPath, jsonOf({ version: 1, transactions })),
    saveReading: (latest) => replace(readingPath, jsonOf(latest)),
    answer(escrow) {
      const content = contentOf(answerPath(toHex(escrow)));
      return content === undefined ? undefined : answerOf(content);
    },
    saveAnswer: (escrow, { log, output }) => replace(answerPath(toHex(escrow)), concatBytes(log, output)),
    keepAnswers(escrows) {
      for (const name of readdirSync(answers)) if (!escrows.has(name)) rmSync(answerPath(name), { force: true });
    },
  };
}

/**
 * What a host of this machine has answered, for the operator that runs it: the answer to a contract is nobody's secret,
 * and whoever has what else a result verifier wants needs it to settle. `directory` is the settler's, whatever its chain.
 */
export function keptAnswer(directory: string, escrow: Uint8Array): SavedAnswer | undefined {
  const found = readdirSync(directory)
    .map((name) => contentOf(join(directory, name, ANSWERS, toHex(escrow))))
    .find((content) => content !== undefined);
  return found === undefined ? undefined : answerOf(found);
}

function answerOf(content: Uint8Array): SavedAnswer | undefined {
  if (content.length < LOG_BYTES) return undefined;
  return { log: content.slice(0, LOG_BYTES), output: content.slice(LOG_BYTES) };
}

/** One that cannot be read is begun anew: it costs gas or a reading of the chain, and must not keep a host from starting. */
function readFile<T>(path: string, reader: Reader<T>): T | undefined {
  const content = contentOf(path);
  try {
    return content === undefined ? undefined : reader(parseJson(content, limits.settlerStateBytes), 'state');
  } catch {
    return undefined;
  }
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(readFileSync(path));
  } catch {
    return undefined;
  }
}

function jsonOf(value: unknown): Uint8Array {
  const written = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
  return Buffer.from(`${written}\n`);
}

/** Renamed into place once it is on disk: a crash leaves the older file or the newer one. */
function replace(path: string, content: Uint8Array): void {
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
