import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Runs `work` while no other process does so under the same folder. forge rewrites its cache and its artifacts in place,
 * and test files run in processes of their own.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, '.lock');
  while (!take(path)) await pause(POLL_MS);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!holderIsAlive(path)) rmSync(path, { force: true });
    return false;
  }
}

/** A killed process leaves its lock behind. */
function holderIsAlive(path: string): boolean {
  let holder: string;
  try {
    holder = readFileSync(path, 'utf8');
  } catch {
    return false;
  }
  // Taken and not yet written.
  if (holder === '') return true;
  try {
    process.kill(Number(holder), 0);
    return true;
  } catch {
    return false;
  }
}
