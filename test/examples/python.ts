import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The example in Python, as its README starts it. */
export const PYTHON_EXAMPLE: string = fileURLToPath(new URL('../../examples/python', import.meta.url));

/** Whether this machine has what the example needs. */
export const hasPython: boolean =
  spawnSync('python3', ['-c', 'import sys, cryptography; assert sys.version_info >= (3, 11)']).status === 0;

export interface PythonOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export function python(...args: readonly string[]): Promise<PythonOutcome> {
  return new Promise((resolve) => {
    const options = { cwd: PYTHON_EXAMPLE, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } };
    execFile('python3', [...args], options, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, out, err });
    });
  });
}
