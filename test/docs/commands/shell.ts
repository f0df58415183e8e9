import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A folder in which a page's commands run one after the other, as its reader's would. */
export interface Shell {
  readonly folder: string;
  run(command: string): Promise<Ended>;
  /** For what serves until it is told to stop: resolves once it has said `ready`. */
  serve(command: string, ready: RegExp): Promise<string>;
  close(): Promise<void>;
}

export interface Ended {
  readonly code: number | null;
  readonly text: string;
  readonly ms: number;
}

const READY_MS = 240_000;

export function openShell(root: string, folder: string): Shell {
  const bin = join(folder, '.bin');
  mkdirSync(bin, { recursive: true });
  const loader = join(root, 'node_modules/tsx/dist/loader.mjs');
  const program = `#!/bin/sh\nexec "${process.execPath}" --import "${loader}" "${join(root, 'cli/main.ts')}" "$@"\n`;
  writeFileSync(join(bin, 'proofmark'), program, { mode: 0o755 });
  const env = {
    PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
    HOME: folder,
    TMPDIR: process.env['TMPDIR'] ?? '/tmp',
    LANG: 'C.UTF-8',
  };
  const serving = new Set<ChildProcess>();

  const start = (command: string): ChildProcess =>
    // A group of its own, so that all of it can be told to end.
    spawn('bash', ['-c', command], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });

  return {
    folder,
    run(command) {
      const started = performance.now();
      return new Promise((resolve) => {
        const child = start(command);
        const text = textOf(child);
        child.on('close', (code) => resolve({ code, text: text(), ms: performance.now() - started }));
      });
    },
    serve(command, ready) {
      return new Promise((resolve, reject) => {
        const child = start(command);
        serving.add(child);
        const text = textOf(child);
        const timer = setTimeout(() => reject(new Error(`${command} is not ready:\n${text()}`)), READY_MS);
        const look = (): void => {
          if (!ready.test(text())) return;
          clearTimeout(timer);
          resolve(text());
        };
        child.stdout?.on('data', look);
        child.stderr?.on('data', look);
        child.on('close', (code) => {
          serving.delete(child);
          clearTimeout(timer);
          reject(new Error(`${command} ended with ${code}:\n${text()}`));
        });
      });
    },
    async close() {
      await Promise.all([...serving].map(end));
    },
  };
}

function textOf(child: ChildProcess): () => string {
  let text = '';
  const add = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text;
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
  });
}
