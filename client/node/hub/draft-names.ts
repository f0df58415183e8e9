import { createHash, randomBytes } from 'node:crypto';
import { readdir, rename, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { toHex } from '../../../wire/bytes.ts';
import { isCode } from './failures.ts';

/**
 * A draft's name says whose it is: of which release, and of which process on which machine. So the rename with which
 * somebody takes over what was left behind is one step, of which only one can succeed, and says at once who has it now.
 */
interface DraftName {
  readonly machine: string;
  readonly pid: number;
}

/** Nobody's: its owner has left it. */
const NOBODY = 0;
/** A process on another machine that shares the folder is taken for dead after so long without a sign. */
const SILENCE_MS = 600_000;
export const SIGN_OF_LIFE_MS = 30_000;

const machine = (): string => createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

function nameFor(directory: string, modelId: Uint8Array, pid: number): string {
  const random = randomBytes(4).toString('hex');
  return `${prefixOf(directory, modelId)}${machine()}-${pid}-${random}`;
}

const prefixOf = (directory: string, modelId: Uint8Array): string =>
  `${basename(directory)}.pull-${toHex(modelId).slice(0, 16)}-`;

export function ownDraft(directory: string, modelId: Uint8Array): string {
  return join(dirname(directory), nameFor(directory, modelId, process.pid));
}

export function leftDraft(directory: string, modelId: Uint8Array): string {
  return join(dirname(directory), nameFor(directory, modelId, NOBODY));
}

/** What earlier pulls of this release left here and nobody works on. */
export async function abandonedDrafts(directory: string, modelId: Uint8Array): Promise<readonly string[]> {
  const [parent, prefix] = [dirname(directory), prefixOf(directory, modelId)];
  const found: string[] = [];
  for (const name of await readdir(parent)) {
    const owner = name.startsWith(prefix) ? parseOwner(name.slice(prefix.length)) : undefined;
    if (owner !== undefined && (await isAbandoned(join(parent, name), owner))) found.push(join(parent, name));
  }
  return found.sort();
}

function parseOwner(text: string): DraftName | undefined {
  const [, at = '', pid = ''] = /^([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}$/.exec(text) ?? [];
  return at === '' ? undefined : { machine: at, pid: Number(pid) };
}

async function isAbandoned(path: string, owner: DraftName): Promise<boolean> {
  if (owner.pid === NOBODY) return true;
  if (owner.machine === machine() && !isAlive(owner.pid)) return true;
  try {
    return Date.now() - (await stat(path)).mtimeMs > SILENCE_MS;
  } catch {
    // Somebody has just taken it.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

/** False where another was quicker. */
export async function takeOver(abandoned: string, own: string): Promise<boolean> {
  try {
    // Before the new name: nobody may find a new owner that looks as if it had long been silent.
    const now = new Date();
    await utimes(abandoned, now, now);
    await rename(abandoned, own);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}
