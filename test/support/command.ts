import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../cli/run.ts';
import { ANSWERED } from './answer.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command line, run in this process, at the time of the test answer. */
export async function command(...args: readonly string[]): Promise<Outcome> {
  return commandAt(ANSWERED, ...args);
}

/** The same, at another time: years later, say. */
export async function commandAt(now: number, ...args: readonly string[]): Promise<Outcome> {
  let out = '';
  let err = '';
  const code = await run({
    args,
    style: { colours: false },
    write: (text) => {
      out += text;
    },
    warn: (text) => {
      err += text;
    },
    now: () => now,
    terminal: 'none',
  });
  return { code, out, err };
}

export interface Folder {
  /** Writes a file and returns its path. */
  file(name: string, content: Uint8Array | string): string;
  path(name: string): string;
  remove(): void;
}

export function temporaryFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'pm-'));
  const path = (name: string): string => join(folder, name);
  return {
    path,
    file: (name, content) => {
      writeFileSync(path(name), content);
      return path(name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
