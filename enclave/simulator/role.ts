import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A program with its arguments, as spawn takes them. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * Another file of this package as a process of its own, run the way this file runs: from source through tsx, or
 * compiled. Nothing is taken over from this process's own options, so that a debugger's port never spreads.
 */
export function roleCommand(file: string): Command {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const loader = extension === '.ts' ? ['--import', createRequire(import.meta.url).resolve('tsx')] : [];
  return {
    command: process.execPath,
    args: [...loader, fileURLToPath(new URL(`./${file}${extension}`, import.meta.url))],
  };
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];

/**
 * Has the kernel kill a child together with this process, also after SIGKILL. Without util-linux's setpriv the child is
 * returned as it is: then it ends because its standard input ends, if it looks.
 */
export function dyingWithParent(child: Command): Command {
  const setpriv = SETPRIV.find((path) => existsSync(path));
  if (setpriv === undefined) return child;
  return { command: setpriv, args: ['--pdeathsig', 'KILL', '--', child.command, ...child.args] };
}
