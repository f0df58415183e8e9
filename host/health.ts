import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { array, integer, object, type Reader, text } from '../wire/codec/fields.ts';
import { parseJson } from '../wire/codec/json.ts';
import { limits } from '../wire/limits.ts';
import type { Counters } from '../wire/message/telemetry.ts';

/**
 * What the host knows about its workers' well-being. All of it is the worker's or the launcher's word over the link, kept
 * for whoever operates the machine; nothing here is evidence of anything.
 */
export interface Health {
  /** Where one worker's word goes, by its place among the links. */
  of(worker: number): WorkerHealth;
  readonly snapshot: HealthSnapshot;
}

export interface WorkerHealth {
  counters(latest: Counters): void;
  /** An exit status as a shell reports it. */
  ended(status: number): void;
}

export interface HealthSnapshot {
  /** What each worker said last, of those that said something. */
  readonly counters: ReadonlyMap<number, { readonly at: string; readonly values: Counters }>;
  /** Newest last. They outlive the host: an enclave's own logs end with it. */
  readonly ends: readonly RecordedEnd[];
}

export interface RecordedEnd {
  readonly at: string;
  readonly worker: number;
  readonly status: number;
}

const FILE = 'worker-ends.json';
/** Enough to see a crash loop and what was before it, over all workers. */
const KEPT_ENDS = 64;

const kept: Reader<readonly RecordedEnd[]> = array(
  object<RecordedEnd>({
    at: text({ min: 1, max: 32 }),
    worker: integer({ min: 0, max: limits.hostWorkers }),
    status: integer({ min: 0, max: 255 }),
  }),
  { min: 0, max: KEPT_ENDS },
);

export function openHealth(options: { readonly stateDirectory: string; readonly now: () => Date }): Health {
  const path = join(options.stateDirectory, FILE);
  let ends = readEnds(path);
  const counters = new Map<number, { readonly at: string; readonly values: Counters }>();
  return {
    of: (worker) => ({
      counters(values) {
        counters.set(worker, { at: options.now().toISOString(), values });
      },
      ended(status) {
        ends = [...ends, { at: options.now().toISOString(), worker, status }].slice(-KEPT_ENDS);
        mkdirSync(options.stateDirectory, { recursive: true });
        // Renamed into place: a crash in between leaves the older list, never half of one.
        writeFileSync(`${path}.new`, `${JSON.stringify(ends)}\n`, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      },
    }),
    get snapshot() {
      return { counters, ends };
    },
  };
}

/** A list that cannot be read is begun anew: it must never keep a host from starting. */
function readEnds(path: string): readonly RecordedEnd[] {
  try {
    return kept(parseJson(readFileSync(path), limits.bundleBytes), 'ends');
  } catch {
    return [];
  }
}
