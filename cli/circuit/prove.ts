import type { Memory } from 'snarkjs';
import type { OpenedKey } from '../../client/proofs/key.ts';
import { type ProvenResult, verifyProof } from '../../client/proofs/verify.ts';
import { witnessInput } from '../../contracts/circuit/witness.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { commitElements } from '../../wire/commitment/elements.ts';
import { packTensor } from '../../wire/commitment/pack.ts';
import { pointOfDigest, pointPreimage } from '../../wire/commitment/point.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { CircuitTensor } from '../../wire/message/circuit-key.ts';
import { decodeIntegers, integersToTensor } from '../../wire/message/integers.ts';
import { encodeChainProof, encodeProof, type ProofFile } from '../../wire/message/proof.ts';
import type { Datatype } from '../../wire/message/tensor.ts';
import { uintWord } from '../../wire/words.ts';
import { exitCode, JudgedError } from '../exit-codes.ts';
import { g1Words, g2Words } from './key.ts';
import { withSnarkjs } from './packages.ts';
import { CircuitToolError } from './tool-error.ts';

/** What a prover has: the key of the circuit, its proving key and the program of its witnesses. */
export interface ProverFiles {
  readonly key: OpenedKey;
  readonly zkey: Uint8Array;
  readonly wasm: Uint8Array;
}

/** One row, and what it is committed to with. */
export interface ProvenRow {
  readonly salt: Uint8Array;
  readonly input: readonly bigint[];
  readonly output: readonly bigint[];
}

export interface MadeProof {
  readonly proof: ProofFile;
  /** The bytes of a .proof file. */
  readonly file: Uint8Array;
  /** What our own check says of it. */
  readonly result: ProvenResult;
}

/** Elements and commitment of a row, as a worker has them. */
export function committedRow({ key }: OpenedKey, { salt, input, output }: ProvenRow): CommittedRow {
  const inputs = elementsOf(key.input, input);
  const outputs = elementsOf(key.output, output);
  return { inputs, commitment: uintWord(commitElements({ salt, inputs, outputs })) };
}

export interface CommittedRow {
  /** Of the input. */
  readonly inputs: readonly bigint[];
  readonly commitment: Uint8Array;
}

/**
 * Proves that the output is the model's. `point` 0 is the private form. What comes out has been checked by the same code as
 * everybody else checks it with; nothing that fails there is handed out.
 */
export async function proveRow(files: ProverFiles, row: ProvenRow, point: bigint): Promise<MadeProof> {
  const { key, zkey, wasm } = files;
  const input = witnessInput(key.key, { salt: row.salt, input: row.input, point });
  const { proof: made, publicSignals } = await withSnarkjs(async (snarkjs) => {
    const witness: Memory = { type: 'mem' };
    try {
      await snarkjs.wtns.calculate(input, wasm, witness);
      return await snarkjs.groth16.prove(zkey, witness);
    } catch (error) {
      throw new CircuitToolError('prover_failed', `no proof: ${(error as Error).message}`, { cause: error });
    }
  });
  const [commitment, evaluation] = publicSignals.map((signal) => uintWord(BigInt(signal))) as [Uint8Array, Uint8Array];
  if (!equalBytes(commitment, committedRow(key, row).commitment)) {
    throw new JudgedError('answer_not_the_models', 'the model answers this input with another output', {
      exit: exitCode.untrusted,
    });
  }
  const proof: ProofFile = {
    ...{ circuit: key.digest, commitment, point: uintWord(point), evaluation },
    ...{ a: g1Words(made.pi_a), b: g2Words(made.pi_b), c: g1Words(made.pi_c) },
  };
  const file = encodeProof(proof);
  return { proof, file, result: verifyProof(key, file) };
}

export interface ChainStatement {
  readonly chainId: bigint;
  /** The `ProvedResult`. */
  readonly verifier: Uint8Array;
  readonly escrow: Uint8Array;
  readonly modelId: Uint8Array;
  readonly payee: Uint8Array;
  /** The escrow's id where a receipt is asked for, too: that is the salt of requests from a chain. */
  readonly salt: Uint8Array;
  /** ABI integers, one tensor each: what the escrow names by its hash, and the answer. */
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** What `ProvedResult` takes for one escrow and payee. */
export async function proveForChain(
  files: ProverFiles,
  statement: ChainStatement,
): Promise<MadeProof & { readonly chainProof: Uint8Array }> {
  const row: ProvenRow = {
    salt: statement.salt,
    input: valuesOf(statement.input, files.key.key.input),
    output: valuesOf(statement.output, files.key.key.output),
  };
  const { inputs, commitment } = committedRow(files.key, row);
  const { chainId, verifier, escrow, modelId, payee } = statement;
  const digest = sha256(
    pointPreimage({
      ...{ chainId, verifier, escrow, modelId, payee, commitment },
      ...{ inputHash: sha256(statement.input), outputHash: sha256(statement.output) },
    }),
  );
  const made = await proveRow(files, row, pointOfDigest(digest));
  return { ...made, chainProof: encodeChainProof({ commitment, points: made.proof, elements: inputs }) };
}

/** One tensor [1, count] without decimals, which is all that a contract takes. */
function valuesOf(body: Uint8Array, { count }: CircuitTensor): readonly bigint[] {
  const [tensor, ...more] = decodeIntegers(body);
  const { decimals, shape, values } = tensor ?? { decimals: 0, shape: [], values: [] };
  if (more.length > 0 || decimals !== 0 || shape.length !== 2 || shape[0] !== 1 || shape[1] !== count) {
    throw new JudgedError('body_shape', `a body is not one tensor [1, ${count}] of integers`, {
      exit: exitCode.malformed,
    });
  }
  return values;
}

function elementsOf({ bits, signed }: CircuitTensor, values: readonly bigint[]): readonly bigint[] {
  const datatype = `${signed ? 'INT' : 'UINT'}${bits}` as Datatype;
  return packTensor(integersToTensor({ name: 'row', datatype }, { decimals: 0, shape: [values.length], values }));
}
