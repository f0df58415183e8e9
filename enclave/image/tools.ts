import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ImageBuildError } from './build-error.ts';

/** A mirror that sends nothing for so long is not reachable. */
const PATIENCE_MS = 600_000;
/** What a listing of packages prints at most. */
const OUTPUT_BYTES = 16_777_216;

/**
 * Runs a program of this machine and returns what it prints. Its environment stays, because npm and apt find their
 * mirrors and proxies there; its language does not, because its output is read.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string },
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C' },
      timeout: PATIENCE_MS,
      maxBuffer: OUTPUT_BYTES,
    });
    return stdout;
  } catch (error) {
    throw new ImageBuildError('tool_failed', `${program} ${args[0] ?? ''}: ${reason(error)}`, { cause: error });
  }
}

/** A folder that only this user can enter, gone afterwards. */
export async function inScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'proofmark-image-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function reason(error: unknown): string {
  const { code, stderr, message } = error as NodeJS.ErrnoException & { readonly stderr?: string };
  if (code === 'ENOENT') return 'this program is not installed';
  const lines = (stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  // Warnings come first; what ended the program is said last.
  return lines.at(-1)?.trim() ?? message;
}
