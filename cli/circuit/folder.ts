import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProofError } from '../../client/proofs/errors.ts';
import { type OpenedKey, openCircuitKey } from '../../client/proofs/key.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { CommandError, exitCode, JudgedError } from '../exit-codes.ts';
import type { ProverFiles } from './prove.ts';

/** The files of a circuit, by what they are, in a folder of their own. */
export const circuitFiles = {
  source: 'circuit.circom',
  r1cs: 'circuit.r1cs',
  wasm: 'circuit.wasm',
  facts: 'circuit.json',
  zkey: 'circuit.zkey',
  key: 'circuit.key',
} as const;

/** Of a circuit with as many constraints as there may be; a file that is longer is none of ours. */
const MOST_BYTES = 512 * 1024 * 1024;

export async function readCircuitFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw new CommandError(`${path} has ${size} bytes, and no file of a circuit has so many`);
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

export async function writeCircuitFiles(
  directory: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<readonly string[]> {
  try {
    await mkdir(directory, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      const path = join(directory, name);
      await writeFile(`${path}.next`, content);
      await rename(`${path}.next`, path);
    }
  } catch (error) {
    throw new CommandError(`cannot write to ${directory}: ${(error as Error).message}`);
  }
  return Object.keys(files).map((name) => join(directory, name));
}

/** A key that anybody can check proofs with, or a verdict about the file. */
export async function readKey(path: string): Promise<OpenedKey> {
  return judgedProof(() => readCircuitFile(path).then((bytes) => openCircuitKey(nodeSuite, bytes)));
}

/** What a prover needs, with the proving key that the circuit key names. */
export async function readProver(directory: string): Promise<ProverFiles> {
  const [key, zkey, wasm] = await Promise.all([
    readKey(join(directory, circuitFiles.key)),
    readCircuitFile(join(directory, circuitFiles.zkey)),
    readCircuitFile(join(directory, circuitFiles.wasm)),
  ]);
  if (!equalBytes(sha256(zkey), key.key.provingKey)) {
    throw new JudgedError('proving_key_mismatch', `${circuitFiles.zkey} is not the one that the circuit key names`, {
      exit: exitCode.untrusted,
    });
  }
  return { key, zkey, wasm };
}

/** Codes of the check of proofs as verdicts: bytes that are none are malformed, the others do not hold. */
export async function judgedProof<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    const malformed = error.code === 'key_malformed' || error.code === 'proof_malformed';
    const exit = malformed ? exitCode.malformed : exitCode.untrusted;
    throw new JudgedError(error.code, error.message, { exit, cause: error });
  }
}
