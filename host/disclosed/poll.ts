import { toHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeFindingsPage, type FindingRecord, readFinding } from '../../wire/message/finding-record.ts';
import { HttpError } from '../http/errors.ts';
import { type Backoff, createBackoff } from '../workers/backoff.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { HostAuditor, HostAuditors } from './auditors.ts';
import type { Findings } from './findings.ts';

export interface PollOptions {
  readonly auditors: () => HostAuditors;
  readonly workers: Pick<WorkerPool, 'members'>;
  readonly findings: Pick<Findings, 'take'>;
  /** From one round to the next. */
  readonly everyMs: number;
}

export interface Poll {
  stop(): Promise<void>;
}

const ASK_MS = 10_000;
const LONGEST_MS = 3_600_000;

/**
 * Asks auditors that have an address for what they found about the logs that are here: one page of each in a round, and
 * less often where there was no answer. What they say is theirs: every finding is checked like one that is brought.
 */
export function startPoll({ auditors, workers, findings, everyMs }: PollOptions): Poll {
  const stopping = new AbortController();
  /** Up to which leaf a log was asked about; after the last page from the start again, since findings come in any order. */
  const reached = new Map<string, number>();
  const away = new Map<string, { readonly backoff: Backoff; until: number }>();
  let running: Promise<void> = Promise.resolve();
  let timer = next();

  function next(): NodeJS.Timeout {
    return setTimeout(() => {
      running = round().then(() => {
        if (!stopping.signal.aborted) timer = next();
      });
    }, everyMs).unref();
  }

  async function round(): Promise<void> {
    for (const auditor of auditors().auditors) {
      if (auditor.url === null || performance.now() < (away.get(auditor.name)?.until ?? 0)) continue;
      const wasThere = await askAbout(auditor, auditor.url);
      if (wasThere) away.delete(auditor.name);
      else rest(auditor.name);
    }
  }

  function rest(name: string): void {
    const known = away.get(name) ?? { backoff: createBackoff([everyMs, LONGEST_MS]), until: 0 };
    known.until = performance.now() + known.backoff.next();
    away.set(name, known);
  }

  async function askAbout({ name }: HostAuditor, url: string): Promise<boolean> {
    for (const { worker } of workers.members) {
      if (worker === undefined || stopping.signal.aborted) continue;
      const place = `${name} ${toHex(worker.log)}`;
      const page = await fetchPage(url, worker.log, reached.get(place) ?? null);
      if (page === undefined) return false;
      for (const record of page) await take(record);
      const last = page.at(-1);
      if (last === undefined || page.length < limits.findingsPerPage) reached.delete(place);
      else reached.set(place, indexOf(last) ?? 0);
    }
    return true;
  }

  async function take(record: FindingRecord): Promise<void> {
    try {
      await findings.take(record);
    } catch (error) {
      // What is none of a named auditor does nothing.
      if (!(error instanceof HttpError)) throw error;
    }
  }

  async function fetchPage(
    url: string,
    log: Uint8Array,
    after: number | null,
  ): Promise<readonly FindingRecord[] | undefined> {
    const query = `log=${toHex(log)}${after === null ? '' : `&after=${after}`}`;
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ASK_MS)]);
      const response = await fetch(`${url.replace(/\/+$/, '')}/v1/findings?${query}`, { redirect: 'error', signal });
      if (response.status !== 200 || response.body === null) return undefined;
      return decodeFindingsPage(await readBounded(response.body));
    } catch (error) {
      if (error instanceof WireError || error instanceof Error) return undefined;
      throw error;
    }
  }

  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

function indexOf(record: FindingRecord): number | undefined {
  try {
    return Number(readFinding(record).finding.index);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > limits.findingsPageBytes) throw new RangeError('more than a page');
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}
