import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import { array, boolean, hexBytes, integer, literal, object, oneOf, type Reader } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { type FindingVerdict, findingVerdict, findingVerdictName } from '../../wire/message/finding.ts';
import { type FindingRecord, readFinding } from '../../wire/message/finding-record.ts';
import { TILE_WIDTH } from '../../wire/tree/tiles.ts';
import { type EventSink, StartError } from '../errors.ts';
import { HttpError } from '../http/errors.ts';
import { JournalError } from '../journal/errors.ts';
import type { Journal } from '../journal/index.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { isSigned } from './asks.ts';
import type { HostAuditors } from './auditors.ts';

/** What named auditors said about receipts of this host, and what follows for its workers. Nobody's money moves by it. */
export interface Findings {
  /** Throws an `HttpError` where it is none of a named auditor about a leaf that is here. True where it is news. */
  take(record: FindingRecord): Promise<boolean>;
  /** Pauses workers again whose receipts were found wrong before this process; asked each time one connects. */
  enforce(): void;
  /** The operator has looked: what was found so far pauses that worker no more. */
  forgive(log: Uint8Array): void;
}

interface Known {
  readonly auditor: Uint8Array;
  readonly log: Uint8Array;
  readonly index: number;
  readonly leaf: Uint8Array;
  readonly verdict: FindingVerdict;
  readonly forgiven: boolean;
}

export interface FindingsOptions {
  /** What was found outlives a process. */
  readonly path: string;
  /** Those that are named now. */
  readonly auditors: () => HostAuditors;
  readonly journal: Pick<Journal, 'tile' | 'size' | 'caughtUp'>;
  readonly workers: Pick<WorkerPool, 'members' | 'suspect'>;
  readonly onEvent: EventSink;
}

const verdicts = Object.keys(findingVerdict) as readonly FindingVerdict[];

const fileReader: Reader<{ readonly version: 1; readonly findings: readonly Known[] }> = object({
  version: literal(1),
  findings: array(
    object<Known>({
      auditor: hexBytes(64),
      log: hexBytes(32),
      index: integer({ min: 0, max: limits.treeSize }),
      leaf: hexBytes(32),
      verdict: oneOf(verdicts),
      forgiven: boolean(),
    }),
    { min: 0, max: limits.hostFindings },
  ),
});

const FILE_BYTES = 1_048_576;

export function openFindings(options: FindingsOptions): Findings {
  const { path, journal, workers, onEvent } = options;
  let known = readKnown(path);

  /** What cannot be written counts all the same for as long as this process runs: a full disk must not keep a worker in. */
  function save(): void {
    try {
      write();
    } catch {
      onEvent({ event: 'findings_unwritten' });
    }
  }

  function write(): void {
    const text = JSON.stringify({ version: 1, findings: known }, (_name, value: unknown) =>
      value instanceof Uint8Array ? toHex(value) : value,
    );
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  /** One leaf of which enough named auditors say that it has other bits. */
  function isDisputed(log: Uint8Array): boolean {
    const { auditors, pauseAt } = options.auditors();
    const isNamed = (key: Uint8Array): boolean => auditors.some((named) => equalBytes(named.key, key));
    const against = known.filter(
      (one) => one.verdict === 'other' && !one.forgiven && equalBytes(one.log, log) && isNamed(one.auditor),
    );
    // By place: an auditor stands once for each, so that none counts twice.
    return against.some(({ index }) => against.filter((one) => one.index === index).length >= pauseAt);
  }

  function enforce(): void {
    for (const { index, worker } of workers.members) {
      if (worker !== undefined && isDisputed(worker.log)) workers.suspect(index);
    }
  }

  /** Whether the journal has that leaf there. Of missing bytes an auditor may not know the leaf. */
  async function isHere(log: Uint8Array, index: number, leaf: Uint8Array): Promise<boolean> {
    await journal.caughtUp();
    if (index >= journal.size(log)) return false;
    const tile = { level: 0, index: Math.floor(index / TILE_WIDTH), width: 1 + (index % TILE_WIDTH) };
    const own = journal.tile(log, tile)[index % TILE_WIDTH];
    return own !== undefined && (isZero(leaf) || equalBytes(own, leaf));
  }

  /** What says nothing against a worker makes room for what does. */
  function remember(finding: Known): void {
    const least = known.findIndex(({ verdict }) => verdict !== 'other');
    if (known.length >= limits.hostFindings) known = known.toSpliced(Math.max(0, least), 1);
    known = [...known, finding];
    save();
  }

  return {
    async take(record) {
      const { finding, auditor: key } = parsed(record);
      const named = options.auditors().auditors.find((one) => equalBytes(one.key, key));
      if (named === undefined) throw new HttpError('auditor_required');
      if (!(await isSigned(key, record.finding, record.signature))) throw new HttpError('auditor_required');
      const { log, leaf } = finding;
      const index = Number(finding.index);
      const verdict = findingVerdictName(finding.verdict);
      const isKnown = (): boolean =>
        known.some((one) => one.index === index && equalBytes(one.log, log) && equalBytes(one.auditor, key));
      // An auditor finds once: what it says later about the same leaf is for those who compare.
      if (isKnown()) return false;
      if (!(await isKnownLeaf(() => isHere(log, index, leaf)))) throw new HttpError('finding_unknown');
      // It may have come twice at once, and must not count twice.
      if (isKnown()) return false;
      remember({ auditor: key, log, index, leaf, verdict, forgiven: false });
      onEvent({ event: 'finding', auditor: named.name, verdict, log: toHex(log), index });
      enforce();
      return true;
    },
    enforce,
    forgive(log) {
      known = known.map((one) => (equalBytes(one.log, log) ? { ...one, forgiven: true } : one));
      save();
    },
  };
}

function parsed(record: FindingRecord): ReturnType<typeof readFinding> {
  try {
    return readFinding(record);
  } catch (cause) {
    if (cause instanceof WireError) throw new HttpError('request_invalid', { cause });
    throw cause;
  }
}

async function isKnownLeaf(look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof JournalError) return false;
    throw error;
  }
}

/** A file that cannot be read is not written over: whoever runs the host is told, and decides. */
function readKnown(path: string): readonly Known[] {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new StartError('findings_unreadable', path, { cause: error });
  }
  try {
    return fileReader(parseJson(bytes, FILE_BYTES), 'findings').findings;
  } catch (cause) {
    throw new StartError('findings_unreadable', path, { cause });
  }
}
