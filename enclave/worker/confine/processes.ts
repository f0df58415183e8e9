import { readdirSync, readFileSync } from 'node:fs';

/** Undefined once the process is gone. */
export function residentBytes(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}

/** The process that `pid` has started, if it has: a helper that stays outside of namespaces has exactly one. */
export function childOf(pid: number): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((candidate) => parentOf(candidate) === pid);
}

/** The name in parentheses may hold anything, so what counts begins after the last of them. */
function parentOf(pid: number): number | undefined {
  const parent = /.*\) \S (\d+) /s.exec(read(`/proc/${pid}/stat`))?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
