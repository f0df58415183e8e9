import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { type Disclosed, encodeDisclosed } from '../../wire/message/disclosed.ts';

export interface DisclosedPlace {
  readonly log: Uint8Array;
  readonly index: number;
}

/**
 * What requesters disclosed (DESIGN section 4, flag bit 0), as files: whoever has to show it to an auditor after a restart
 * still has it. Bounded in bytes, number and age; the oldest goes first.
 */
export interface DisclosedStore {
  /** Written later, so that no answer waits for it. What the disk does not take is lost, and told. */
  keep(place: DisclosedPlace, value: Disclosed): void;
  find(place: DisclosedPlace): Promise<Uint8Array | undefined>;
  /** Of all that is kept. */
  readonly bytes: number;
  readonly count: number;
  /** Drops what is too old. */
  sweep(): Promise<void>;
  /** Resolves once everything that was given is written or lost. */
  close(): Promise<void>;
}

export interface DisclosedOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly keepMs: number;
  /** Milliseconds since 1970: ages outlive a process. */
  readonly now: () => number;
  readonly onLost: () => void;
}

interface Kept {
  readonly bytes: number;
  readonly at: number;
}

const NAME = /^[0-9]{1,15}$/;
const LOG = /^[0-9a-f]{64}$/;

export function openDisclosed(options: DisclosedOptions): DisclosedStore {
  const { directory, maxBytes, keepMs, now } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  /** By their age, the oldest first. */
  const kept = new Map<string, Kept>(keptIn(directory));
  let bytes = [...kept.values()].reduce((sum, one) => sum + one.bytes, 0);
  let waiting = 0;
  let writing: Promise<void> = Promise.resolve();
  let made = 0;

  async function forget(name: string): Promise<void> {
    bytes -= kept.get(name)?.bytes ?? 0;
    kept.delete(name);
    await rm(join(directory, name), { force: true });
  }

  async function makeRoom(coming: number): Promise<void> {
    for (const [name, { at }] of kept) {
      const fits = bytes + coming <= maxBytes && kept.size < limits.disclosedRequests;
      if (fits && at + keepMs > now()) return;
      await forget(name);
    }
  }

  async function write(name: string, encoded: Uint8Array): Promise<void> {
    if (encoded.length > maxBytes) throw new RangeError('larger than all that is kept');
    await forget(name);
    await makeRoom(encoded.length);
    const path = join(directory, name);
    const unfinished = join(directory, `.${made++}.new`);
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    await writeFile(unfinished, encoded, { mode: 0o600 });
    await rename(unfinished, path);
    kept.set(name, { bytes: encoded.length, at: now() });
    bytes += encoded.length;
  }

  return {
    keep(place, value) {
      const encoded = encodeDisclosed(value);
      // A disk that does not keep up must not fill the memory instead.
      if (waiting + encoded.length > limits.keptBytes) {
        options.onLost();
        return;
      }
      waiting += encoded.length;
      writing = writing
        .then(() => write(nameOf(place), encoded))
        .catch(() => options.onLost())
        .finally(() => {
          waiting -= encoded.length;
        });
    },
    async find(place) {
      // Whoever was answered may ask at once.
      await writing;
      const name = nameOf(place);
      const found = kept.get(name);
      if (found === undefined || found.at + keepMs <= now()) return undefined;
      return readFile(join(directory, name)).then(
        (read) => Uint8Array.from(read),
        () => undefined,
      );
    },
    get bytes() {
      return bytes;
    },
    get count() {
      return kept.size;
    },
    sweep() {
      writing = writing.then(() => makeRoom(0)).catch(() => undefined);
      return writing;
    },
    close: () => writing,
  };
}

function nameOf({ log, index }: DisclosedPlace): string {
  return join(toHex(log), String(index));
}

function keptIn(directory: string): readonly (readonly [string, Kept])[] {
  const found = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && LOG.test(entry.name))
    .flatMap(({ name: log }) =>
      readdirSync(join(directory, log))
        .filter((name) => NAME.test(name))
        .map((name) => {
          const { size, mtimeMs } = statSync(join(directory, log, name));
          return [join(log, name), { bytes: size, at: mtimeMs }] as const;
        }),
    );
  return found.sort(([, one], [, other]) => one.at - other.at);
}
