import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import type { Logger, Source } from 'snarkjs';
import { openCircuitKey } from '../../client/proofs/key.ts';
import type { CircuitForm } from '../../contracts/circuit/circuit.ts';
import { systemFacts } from '../../contracts/circuit/r1cs.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { exitCode, JudgedError } from '../exit-codes.ts';
import { circuitKey } from './key.ts';
import { type Snarkjs, withSnarkjs } from './packages.ts';
import { CircuitToolError } from './tool-error.ts';
import { type Contributions, phase1Contributions, phase2Contributions, powersOf } from './transcript.ts';

export interface StartedSetup {
  readonly phase1: Contributions;
  /** Of the circuit's own part, without any contribution yet: not to be used before there is one. */
  readonly zkey: string;
}

/** Checks the powers of tau, and begins the circuit's own part with them. */
export async function beginSetup(r1cs: string, ptau: string, zkey: string): Promise<StartedSetup> {
  const { constraints, publicInputs, publicOutputs } = systemFacts(await readFile(r1cs));
  const rows = constraints + publicInputs + publicOutputs + 1;
  const power = await powersOf(ptau);
  if (rows > 2 ** power) {
    throw new CircuitToolError('powers_too_few', `${rows} rows need powers of tau for more than 2^${power}`);
  }
  return withSnarkjs(async (snarkjs) => {
    const powers = await source(ptau);
    const phase1 = await checkPowers(snarkjs, ptau, powers);
    const notes = listener();
    const made = await snarkjs.zKey.newZKey(await source(r1cs), powers, zkey, notes);
    if (made === -1) throw new CircuitToolError('prover_failed', `no proving key: ${notes.last()}`);
    return { phase1, zkey };
  });
}

/**
 * Adds what one party drew, and forgets it: the secret lives in this process and ends with it. The hash is what that party
 * publishes, so that others see it among the contributions.
 */
export async function contribute(zkey: string, name: string): Promise<Uint8Array> {
  const next = `${zkey}.next`;
  try {
    const hash = await withSnarkjs((snarkjs) =>
      // It hashes this with what it draws itself.
      snarkjs.zKey.contribute(zkey, next, name, toHex(randomBytes(64))),
    );
    await rename(next, zkey);
    return hash;
  } finally {
    await rm(next, { force: true });
  }
}

export interface SetupFiles {
  /** Of the constraints as they follow from the model, not as somebody left them. */
  readonly r1cs: Uint8Array;
  readonly form: CircuitForm;
  readonly ptau: string;
  readonly zkey: string;
}

export interface VerifiedSetup {
  readonly phase1: Contributions;
  readonly phase2: Contributions;
  /** The bytes of circuit.key. */
  readonly key: Uint8Array;
}

/** Checks both phases from the constraints on, and makes the key with the numbers of those whose part was checked. */
export async function verifySetup({ r1cs, form, ptau, zkey }: SetupFiles): Promise<VerifiedSetup> {
  return withSnarkjs(async (snarkjs) => {
    const phase2 = await phase2Contributions(zkey);
    if (phase2.parties === 0) {
      throw refused('transcript_invalid', 'nobody contributed to the circuit’s own part: anybody proves anything');
    }
    const powers = await source(ptau);
    const phase1 = await checkPowers(snarkjs, ptau, powers);
    const bytes = new Uint8Array(await readFile(zkey));
    const notes = listener();
    if (!(await judged(() => snarkjs.zKey.verifyFromR1cs(r1cs, powers, bytes, notes)))) {
      throw refused('transcript_invalid', `the proving key does not follow from the circuit: ${notes.last()}`);
    }
    const verification = await snarkjs.zKey.exportVerificationKey(bytes);
    const counts = { phase1: phase1.parties, phase2: phase2.parties };
    const key = circuitKey({ r1cs, zkey: bytes, ...counts, form, verification });
    // What nobody could check a proof with is not written either.
    await openCircuitKey(nodeSuite, key);
    return { phase1, phase2, key };
  });
}

/** Larger files are read where they lie; smaller ones here, because snarkjs leaves files open. */
const MEMORY_BYTES = 256 * 1024 * 1024;

async function source(path: string): Promise<Source> {
  const { size } = await stat(path);
  return size <= MEMORY_BYTES ? new Uint8Array(await readFile(path)) : path;
}

async function checkPowers(snarkjs: Snarkjs, ptau: string, powers: Source): Promise<Contributions> {
  const phase1 = await phase1Contributions(ptau);
  const notes = listener();
  if (phase1.parties === 0 || !(await judged(() => snarkjs.powersOfTau.verify(powers, notes)))) {
    const why = phase1.parties === 0 ? 'nobody contributed' : notes.last();
    throw refused('powers_invalid', `the powers of tau do not hold: ${why}`);
  }
  return phase1;
}

/** A file that it cannot read is no more valid than one that does not hold; it says so by an error. */
async function judged(check: () => Promise<boolean>): Promise<boolean> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof CircuitToolError) throw error;
    return false;
  }
}

function listener(): Logger & { readonly last: () => string } {
  let last = 'it says no more';
  const note = (text: string): void => {
    last = text;
  };
  return { debug: () => undefined, info: () => undefined, warn: note, error: note, last: () => last };
}

function refused(code: 'powers_invalid' | 'transcript_invalid', message: string): JudgedError {
  return new JudgedError(code, message, { exit: exitCode.untrusted });
}
