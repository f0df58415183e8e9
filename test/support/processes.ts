import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Kernel clock ticks in a second: the unit of /proc/PID/stat, 100 on every Linux that Node runs on. */
const TICKS = 100;

/** `roots` and all their descendants, as they are now. */
export function processTree(roots: readonly number[]): readonly number[] {
  const found: number[] = [];
  const visit = (pid: number): void => {
    found.push(pid);
    for (const child of childrenOf(pid)) visit(child);
  };
  for (const root of roots) visit(root);
  return found;
}

/**
 * Processor time of a process and of the children that it has waited for, in steps of ten milliseconds: utime, stime,
 * cutime and cstime are fields 14 to 17, counted after the name, which may hold spaces and brackets.
 */
export function processorMicroseconds(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0) * (1e6 / TICKS);
}

/** Memory that only this process holds, without files that it maps: a journal may grow. */
export function anonymousBytes(pid: number): number | undefined {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}

export function descriptors(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): readonly string[] {
  return read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean);
}

/** The measured program says its role in its first argument; any other process is called after its file. */
export function roleOf(pid: number): string {
  const command = commandOf(pid);
  const program = basename(command[0] ?? '');
  // What starts a sandbox, and waits for it.
  if (program !== 'node') return program;
  const measured = command.findIndex((part) => part.endsWith('worker.mjs'));
  if (measured > 0 && /^[a-z]+$/.test(command[measured + 1] ?? '')) return command[measured + 1] ?? '';
  const file = command.find((part) => /\.[cm]?[jt]s$/.test(part) && !part.includes('node_modules')) ?? '';
  return file.split('/').slice(-2).join('/');
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).trim().split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
