import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** `proofmark hub` in a process of its own. */
export interface HubProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly metrics: string | null;
  /** Lines of the log so far. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Ends it by the signal; returns how it ended. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

const ROOT = join(import.meta.dirname, '../../../..');

export async function startHubProcess(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<HubProcess> {
  const command = ['--import', 'tsx', 'cli/main.ts', 'hub', ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, env: { ...process.env, ...env } });
  const log: Readonly<Record<string, unknown>>[] = [];
  let unfinished = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
    const lines = (unfinished + chunk.toString()).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) log.push(JSON.parse(line) as Readonly<Record<string, unknown>>);
  });
  const ended = once(child, 'exit');
  const ready = await Promise.race([
    once(child.stdout, 'data').then(([chunk]) => String(chunk)),
    ended.then(() => {
      throw new Error(`it did not start: ${errors}`);
    }),
  ]);
  const { url, metrics } = JSON.parse(ready) as { readonly url: string; readonly metrics: string | null };
  return {
    child,
    url,
    metrics,
    log,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
      return { code: child.exitCode, signal: child.signalCode };
    },
  };
}
