import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import type { Command } from './role.ts';

/** A process that this one started, as something to wait for. */
export interface Child {
  /** Undefined where the program could not be started at all. */
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  /** Every line that it said has been told. It may end after its process, whose last words are still on their way. */
  readonly fellSilent: Promise<unknown>;
  readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => void;
  /** The other end of the child's descriptor 3, where it was given one. */
  readonly stream: Duplex | null;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it never ran, where that is so. */
  readonly failure: string | null;
}

export interface ChildOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** `one` gives the child a stream to this process, as its descriptor 3. */
  readonly stream?: 'none' | 'one';
  /** A file that the child has open as its descriptor 3, in place of a stream. */
  readonly file?: string | null;
}

/** Longer lines are cut: a process must not fill its supervisor's memory by never ending one. */
const LINE_CHARACTERS = 8_192;

/**
 * Runs `start` with a file open for reading as the child's descriptor 3: for a program that takes a number, not a path.
 */
export function withOpenFile<T>(path: string | null, start: (descriptors: readonly number[]) => T): T {
  if (path === null) return start([]);
  const descriptor = openSync(path, 'r');
  try {
    return start([descriptor]);
  } finally {
    closeSync(descriptor);
  }
}

/** Standard input is a pipe that ends with this process, so that a child can notice. */
export function startChild(command: Command, options: ChildOptions): Child {
  const child: ChildProcess = withOpenFile(options.file ?? null, (files) =>
    spawn(command.command, [...command.args], {
      env: { ...options.env },
      stdio: ['pipe', 'pipe', 'pipe', ...(options.stream === 'one' ? ['pipe' as const] : files)],
    }),
  );
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, failure: error.message }));
    child.once('exit', (code, signal) => resolve({ code, signal, failure: null }));
  });
  child.stdin?.on('error', () => {});
  const fellSilent = Promise.all([
    eachLine(child.stdout as Readable, (line) => options.onLine(line, 'stdout')),
    eachLine(child.stderr as Readable, (line) => options.onLine(line, 'stderr')),
  ]);
  const stream = options.stream === 'one' ? (child.stdio[3] as Duplex) : null;
  return { pid: child.pid, exited, fellSilent, kill: (signal) => void child.kill(signal), stream };
}

function eachLine(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() as string).slice(0, LINE_CHARACTERS);
    for (const line of lines) onLine(line.slice(0, LINE_CHARACTERS));
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
  return new Promise((resolve) => stream.once('close', resolve));
}
