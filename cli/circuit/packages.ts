import { createRequire } from 'node:module';
import { CircuitToolError } from './tool-error.ts';

export type Snarkjs = typeof import('snarkjs');

/** GPL-3 programs, which this package neither holds nor needs for anything but making circuits and proofs. */
const versions = { circom2: '0.2.23', snarkjs: '0.7.6' } as const;

/** What snarkjs keeps: a curve with a thread for each core, which would hold the process open. */
interface KeptCurve {
  terminate(): Promise<void>;
}

let last: Promise<unknown> = Promise.resolve();

/** Runs with snarkjs, and ends the threads that it leaves behind; one after the other, since they are everybody's. */
export function withSnarkjs<T>(use: (snarkjs: Snarkjs) => Promise<T>): Promise<T> {
  const run = last.then(async () => {
    const snarkjs = await loadSnarkjs();
    const { log } = console;
    // It tells some of what it finds there, in the midst of what a command says to programs.
    console.log = () => undefined;
    try {
      return await use(snarkjs);
    } finally {
      console.log = log;
      await (globalThis as { curve_bn128?: KeptCurve | null }).curve_bn128?.terminate();
    }
  });
  last = run.catch(() => undefined);
  return run;
}

async function loadSnarkjs(): Promise<Snarkjs> {
  try {
    return await import('snarkjs');
  } catch (error) {
    throw missing('snarkjs', error);
  }
}

/** The compiler's own command, which is run in a process of its own: it ends by exiting, and sometimes by a fault. */
export function circomProgram(resolve: (name: string) => string = createRequire(import.meta.url).resolve): string {
  try {
    return resolve('circom2/cli.js');
  } catch (error) {
    throw missing('circom2', error);
  }
}

export function missing(name: keyof typeof versions, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return cause;
  const advice = `this needs the package ${name}, a program under GPL-3: npm install ${name}@${versions[name]}`;
  return new CircuitToolError('package_missing', advice, { cause });
}
