import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { array, integer, object, type Reader, text } from '../wire/codec/fields.ts';
import { parseJson } from '../wire/codec/json.ts';
import { limits } from '../wire/limits.ts';
import type { Counters } from '../wire/message/telemetry.ts';

/**
 * What the host knows about its worker's well-being. All of it is the worker's or the launcher's word over the link, kept
 * for whoever operates the machine; nothing here is evidence of anything.
 */
export interface Health {
  counters(latest: Counters): void;
  /** An exit status as a shell reports it. */
  ended(status: number): void;
  readonly snapshot: HealthSnapshot;
}

export interface HealthSnapshot {
  readonly counters: { readonly at: string; readonly values: Counters } | null;
  /** Newest last. They outlive the host: an enclave's own logs end with it. */
  readonly ends: readonly RecordedEnd[];
}

export interface RecordedEnd {
  readonly at: string;
  readonly status: number;
}

const FILE = 'worker-ends.json';
/** Enough to see a crash loop and what was before it. */
const KEPT_ENDS = 32;

const kept: Reader<readonly RecordedEnd[]> = array(
  object<RecordedEnd>({ at: text({ min: 1, max: 32 }), status: integer({ min: 0, max: 255 }) }),
  { min: 0, max: KEPT_ENDS },
);

export function openHealth(options: { readonly stateDirectory: string; readonly now: () => Date }): Health {
  const path = join(options.stateDirectory, FILE);
  let ends = readEnds(path);
  let latest: HealthSnapshot['counters'] = null;
  return {
    counters(values) {
      latest = { at: options.now().toISOString(), values };
    },
    ended(status) {
      ends = [...ends, { at: options.now().toISOString(), status }].slice(-KEPT_ENDS);
      mkdirSync(options.stateDirectory, { recursive: true });
      // Renamed into place: a crash in between leaves the older list, never half of one.
      writeFileSync(`${path}.new`, `${JSON.stringify(ends)}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
    get snapshot() {
      return { counters: latest, ends };
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
