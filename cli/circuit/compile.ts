import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { circomProgram } from './packages.ts';
import { CircuitToolError } from './tool-error.ts';

export interface CompiledCircuit {
  readonly r1cs: Uint8Array;
  /** Computes witnesses. */
  readonly wasm: Uint8Array;
}

/** The compiler keeps signals that are sums of many others: what it would put in their place is wide wherever they are used. */
const SIMPLIFICATION = '--O1';
/** What is told of a compiler that failed. */
const TOLD_CHARACTERS = 2_000;

/** Constraints and witness program of a circuit. The same source gives the same bytes, in this version of the compiler. */
export async function compileCircuit(source: string): Promise<CompiledCircuit> {
  const program = circomProgram();
  const folder = await mkdtemp(join(tmpdir(), 'proofmark-circuit-'));
  try {
    await writeFile(join(folder, 'circuit.circom'), source);
    // It sees only files below the folder that it runs in.
    await ran(program, ['circuit.circom', '--r1cs', '--wasm', SIMPLIFICATION], folder);
    const [r1cs, wasm] = await Promise.all([
      readFile(join(folder, 'circuit.r1cs')),
      readFile(join(folder, 'circuit_js', 'circuit.wasm')),
    ]);
    return { r1cs, wasm };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ran(program: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-TOLD_CHARACTERS);
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new CircuitToolError('compiler_failed', `circom2 ended with ${code ?? signal}: ${said.trim()}`));
    });
  });
}
