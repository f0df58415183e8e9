import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface ProgramOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** An example in TypeScript, started from the root of the checkout as its README starts it. */
export function program(path: string, ...args: readonly string[]): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', path, ...args], { cwd: ROOT }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, out, err });
    });
  });
}
