import { createHash } from 'node:crypto';
import { equalBytes, utf8 } from '../../wire/bytes.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../wire/codec/frame.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import {
  decodeEntries,
  decodeReadyInfo,
  type Entries,
  encodeEntries,
  encodeReadyInfo,
  type ReadyInfo,
} from '../../wire/message/link.ts';
import { createFrontier } from '../../wire/tree/index.ts';
import { checkEntries, type LogOwner, leafHash, logOf, logOwner } from './append.ts';
import { JournalError } from './errors.ts';
import type { SignedHead } from './heads.ts';
import type { Journal } from './journal.ts';

/**
 * A whole log as a stream of frames (`wire/codec/frame.ts`, id 0), in this order and no other:
 *
 *     title     "proofmark log export v1"
 *     ready     identity words, configuration and runtime, as a worker says them: they give the log its name
 *     evidence  what was first served for the log, or nothing where nobody saved any
 *     entries   receipts, executions, and the head that was signed over them; one frame for each head, without a gap
 *     end       SHA-256 of every byte before: a log that was cut short at a head would otherwise look whole
 *
 * Entries are what the worker sent, so that one check serves the link, the import and whoever reads a file years later.
 * Reading one proves that the signer of this identity signed every head and that each head is that of the receipts.
 * Whose key that is, the evidence says: it is for `verifyWorker` to judge.
 */
const exportKind = { title: 0x01, ready: 0x02, evidence: 0x03, entries: 0x04, end: 0x05 } as const;

const TITLE: Uint8Array = utf8('proofmark log export v1');

/** What a reader knows once the end was reached. */
export interface ExportedLog {
  readonly log: Uint8Array;
  readonly ready: ReadyInfo;
  /** Unjudged; empty where there was none. */
  readonly evidence: Uint8Array;
  /** Undefined where nothing was ever signed. */
  readonly newest: SignedHead | undefined;
}

/** The log as it is when the first piece is asked for. Pieces are made one by one, and none is larger than a frame. */
export function* exportLog(journal: Journal, log: Uint8Array): Generator<Uint8Array, void> {
  const hash = createHash('sha256');
  const frame = (kind: number, payload: Uint8Array): Uint8Array => {
    const bytes = encodeFrame({ id: 0, kind, payload });
    hash.update(bytes);
    return bytes;
  };
  const ready = journal.logInfo(log);
  const last = journal.newestHead(log)?.size ?? 0;
  // Said before anything is written, rather than in the middle of a file.
  if (last > 0) journal.bundle({ log, index: 0 });
  yield frame(exportKind.title, TITLE);
  yield frame(exportKind.ready, encodeReadyInfo(ready));
  yield frame(exportKind.evidence, journal.evidence(log) ?? new Uint8Array(0));
  let size = 0;
  while (size < last) {
    for (const head of journal.heads(log, size, limits.headsPerPage)) {
      if (head.size > last) break;
      yield frame(exportKind.entries, encodeEntries(journal.entries(log, size, head)));
      size = head.size;
    }
  }
  yield encodeFrame({ id: 0, kind: exportKind.end, payload: Uint8Array.from(hash.digest()) });
}

/** Reads an export to its end and checks all of it; memory stays that of one frame. */
export async function verifyExport(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: { readonly onEntries?: (ready: ReadyInfo, entries: Entries) => Promise<void> } = {},
): Promise<ExportedLog> {
  const reader = createExportReader();
  try {
    for await (const chunk of source) {
      for (const entries of reader.push(chunk)) await options.onEntries?.(reader.ready, entries);
    }
    return reader.finish();
  } catch (error) {
    // A journal that cannot take what is imported says so itself.
    if (error instanceof WireError) throw invalid(error.code, error);
    throw error;
  }
}

/**
 * Brings an export into a journal, which checks everything once more. What was read before a damaged place stays: it is
 * the beginning of the log, and a second try with a whole file goes on from there.
 */
export async function importLog(
  journal: Journal,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<ExportedLog> {
  let opened: Uint8Array | undefined;
  const exported = await verifyExport(source, {
    onEntries: async (ready, entries) => {
      opened ??= await journal.openLog(ready);
      const { durable } = journal.append(opened, entries);
      await journal.caughtUp();
      await durable;
    },
  });
  if (opened === undefined) await journal.openLog(exported.ready);
  if (exported.evidence.length > 0) await journal.saveEvidence(exported.log, exported.evidence);
  return exported;
}

export interface ExportReader {
  /** What the log's name stands for; there once the first entries are. */
  readonly ready: ReadyInfo;
  /** Gives the entries that are whole now, each checked. */
  push(chunk: Uint8Array): readonly Entries[];
  /** Throws unless the end was reached, and nothing follows it. */
  finish(): ExportedLog;
}

export function createExportReader(): ExportReader {
  const hash = createHash('sha256');
  const frontier = createFrontier();
  let arrived: Entries[] = [];
  let expected: readonly number[] = [exportKind.title];
  let ready: ReadyInfo | undefined;
  let owner: LogOwner | undefined;
  let evidence: Uint8Array = new Uint8Array(0);
  let newest: SignedHead | undefined;
  let pushed = 0;
  let read = 0;

  function take(frame: Frame): void {
    const bytes = encodeFrame(frame);
    read += bytes.length;
    if (frame.id !== 0 || !expected.includes(frame.kind))
      throw invalid(`a frame of kind ${frame.kind} has no place here`);
    if (frame.kind !== exportKind.end) hash.update(bytes);
    switch (frame.kind) {
      case exportKind.title:
        if (!equalBytes(frame.payload, TITLE)) throw invalid('not an export of a log');
        expected = [exportKind.ready];
        break;
      case exportKind.ready:
        ready = decodeReadyInfo(frame.payload);
        owner = logOwner(logOf(ready), ready.identity);
        expected = [exportKind.evidence];
        break;
      case exportKind.evidence:
        if (frame.payload.length > limits.evidenceBytes) throw invalid('more evidence than there can be');
        evidence = Uint8Array.from(frame.payload);
        expected = [exportKind.entries, exportKind.end];
        break;
      case exportKind.entries:
        takeEntries(decodeEntries(frame.payload));
        break;
      default:
        if (!equalBytes(frame.payload, Uint8Array.from(hash.digest())))
          throw invalid('the bytes are not those written');
        expected = [];
    }
  }

  function takeEntries(entries: Entries): void {
    const { head } = checkEntries(owner as LogOwner, entries);
    if (entries.from !== frontier.size) throw invalid(`entries start at ${entries.from}, not at ${frontier.size}`);
    if (entries.receipts.length === 0) throw invalid('a second head over the same receipts');
    frontier.append(entries.receipts.map(leafHash));
    if (!equalBytes(frontier.root(), head.root)) throw invalid('a head is not that of the receipts before it');
    newest = { size: head.size, head: entries.head, signature: entries.signature };
    arrived.push(entries);
  }

  const frames = createFrameReader(limits.frameBytes, take);
  return {
    get ready() {
      return ready as ReadyInfo;
    },
    push(chunk) {
      pushed += chunk.length;
      arrived = [];
      frames.push(chunk);
      return arrived;
    },
    finish() {
      if (expected.length > 0) throw invalid('it ends before its end');
      if (pushed !== read) throw invalid('more follows its end');
      return { log: (owner as LogOwner).log, ready: ready as ReadyInfo, evidence, newest };
    },
  };
}

function invalid(detail: string, cause?: unknown): JournalError {
  return new JournalError('export_invalid', detail, { cause });
}
