import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectHub,
  fileMemory,
  type Hub,
  type HubConnection,
  HubError,
  type HubProgress,
} from '../../../client/index.ts';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';

export const quick = { firstMs: 1, longestMs: 20, tries: 5 };

export interface Desk {
  readonly folder: string;
  readonly out: string;
  readonly progress: HubProgress[];
  path(...names: readonly string[]): string;
  hub(url: string, options?: Partial<HubConnection>): Hub;
  /** What stands beside the finished folder. */
  besides(): readonly string[];
  remove(): void;
}

export function openDesk(): Desk {
  const folder = mkdtempSync(join(tmpdir(), 'pm-hub-'));
  const progress: HubProgress[] = [];
  return {
    folder,
    out: join(folder, 'model'),
    progress,
    path: (...names) => join(folder, ...names),
    hub: (url, options = {}) =>
      connectHub({
        url,
        token: 'none',
        publishers: 'any',
        memory: fileMemory(join(folder, 'memory.json')),
        patience: quick,
        timeoutMs: 30_000,
        onProgress: (event) => progress.push(event),
        ...options,
      }),
    besides: () => readdirSync(folder).filter((name) => name.startsWith('model.pull-')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Everything in a folder, by its path. */
export function contentsOf(folder: string): Readonly<Record<string, Uint8Array>> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path): readonly [string, Uint8Array] => [path.slice(folder.length + 1), Uint8Array.from(readFileSync(path))]);
  return Object.fromEntries(entries);
}

/** Of megabytes, which a comparison of arrays takes minutes for. */
export function digestOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'nothing' : toHex(sha256(bytes));
}

export async function failure(work: Promise<unknown>): Promise<HubError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof HubError) return error;
    throw error;
  }
  throw new TypeError('it worked');
}
