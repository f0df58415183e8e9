import { closeSync, ftruncateSync, openSync, readFileSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, equalBytes, readU32, u32 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';

/**
 * What was taken and is not yet synced. An answer leaves once its receipt would survive the end of any process (DESIGN
 * section 4), and for that the kernel's memory is enough: LMDB answers only after the disk has, which takes a hundred times
 * as long as everything else that a small request needs. Two files take turns, so that one can be emptied.
 */
export interface Ahead {
  /** Records that a process left behind which ended before they were synced, in no order; none of them has been checked. */
  readonly left: readonly AheadRecord[];
  /** When this returns, the record survives `kill -9`. Throws what the file system says. */
  write(log: Uint8Array, entries: Uint8Array): AheadMark;
  /** Everything that was left is synced by now, or of no use. */
  forgetLeft(): void;
  close(): void;
}

export interface AheadRecord {
  readonly log: Uint8Array;
  readonly entries: Uint8Array;
}

/** One record that was written. */
export interface AheadMark {
  /** It is synced elsewhere: its room may be used again. */
  done(): void;
}

interface Turn {
  readonly file: number;
  bytes: number;
  /** Records that are not synced elsewhere. */
  open: number;
  /** It ends inside a record, and could not be cut back: what would follow could not be found again. */
  broken: boolean;
}

const NAMES = ['ahead-0', 'ahead-1'] as const;
/** From here on the other file takes over, as soon as it is empty. */
const TURN_BYTES = 8_388_608;
/** An idle journal keeps no more than this lying about: emptying costs a call to the file system. */
const IDLE_BYTES = 1_048_576;
const SUM_BYTES = 8;
const LOG_BYTES = 32;
const HEAD_BYTES = 4 + SUM_BYTES;

export function openAhead(directory: string): Ahead {
  const left = NAMES.flatMap((name) => readRecords(join(directory, name)));
  // Opened for appending, which keeps what is there until it is known to be of no use.
  const turns = NAMES.map(
    (name): Turn => ({ file: openSync(join(directory, name), 'a', 0o600), bytes: 0, open: 0, broken: false }),
  );
  let current = turns[0] as Turn;

  function cutTo(turn: Turn, bytes: number): void {
    try {
      ftruncateSync(turn.file, bytes);
      turn.bytes = bytes;
    } catch {
      turn.broken = true;
    }
  }

  const empty = (turn: Turn): void => cutTo(turn, 0);

  /** A full disk can take a part of a record: it must not stay, or the records behind it would be lost with it. */
  function append(turn: Turn, parts: readonly Uint8Array[]): void {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    if (turn.broken) throw new RangeError('the file ends inside a record');
    let written = 0;
    try {
      written = writevSync(turn.file, [...parts]);
    } finally {
      if (written !== size) cutTo(turn, turn.bytes);
    }
    if (written !== size) throw new RangeError('the file system took a part of a record');
    turn.bytes += size;
  }

  function emptyWhereDone(turn: Turn): void {
    if (turn.open > 0 || turn.bytes === 0) return;
    if (turn !== current || turn.bytes >= IDLE_BYTES) empty(turn);
  }

  return {
    left,
    write(log, entries) {
      const other = turns.find((turn) => turn !== current) as Turn;
      if (current.bytes >= TURN_BYTES && other.bytes === 0) current = other;
      const turn = current;
      const payload = concatBytes(log, entries);
      const head = concatBytes(u32(payload.length), sumOf(payload));
      append(turn, [head, payload]);
      turn.open += 1;
      return {
        done() {
          turn.open -= 1;
          emptyWhereDone(turn);
        },
      };
    },
    forgetLeft() {
      for (const turn of turns) if (turn.open === 0) empty(turn);
    },
    close() {
      for (const { file } of turns) closeSync(file);
    },
  };
}

/** Records up to the first that is not whole: what comes after it was written after it, and never answered for. */
function readRecords(path: string): readonly AheadRecord[] {
  const bytes = readIfThere(path);
  const records: AheadRecord[] = [];
  for (let offset = 0; bytes.length - offset >= HEAD_BYTES; ) {
    const length = readU32(bytes, offset);
    const start = offset + HEAD_BYTES;
    if (length < LOG_BYTES || length > limits.frameBytes || bytes.length - start < length) break;
    const payload = bytes.slice(start, start + length);
    if (!equalBytes(sumOf(payload), bytes.subarray(offset + 4, start))) break;
    records.push({ log: payload.slice(0, LOG_BYTES), entries: payload.slice(LOG_BYTES) });
    offset = start + length;
  }
  return records;
}

function readIfThere(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path));
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ENOENT') return new Uint8Array(0);
    throw error;
  }
}

/** Against halves and remains of a record, not against anybody: whoever can write here can write the journal. */
function sumOf(payload: Uint8Array): Uint8Array {
  return sha256(payload).subarray(0, SUM_BYTES);
}
