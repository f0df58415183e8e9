import { beforeAll, describe, expect, it } from 'vitest';
import { compileCircuit } from '../../cli/circuit/compile.ts';
import { committedRow, type ProverFiles, proveForChain, proveRow } from '../../cli/circuit/prove.ts';
import { readProgram } from '../../cli/prove/read-program.ts';
import { openCircuitKey } from '../../client/proofs/key.ts';
import { isProvenResult, verifyProof } from '../../client/proofs/verify.ts';
import { circuitOf } from '../../contracts/circuit/circuit.ts';
import { systemFacts } from '../../contracts/circuit/r1cs.ts';
import { evaluate } from '../../contracts/integer/evaluate.ts';
import type { Program } from '../../contracts/integer/program.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { evaluateElements } from '../../wire/commitment/elements.ts';
import { pointOfDigest, pointPreimage } from '../../wire/commitment/point.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { decodeIntegers, encodeIntegers } from '../../wire/message/integers.ts';
import { encodeProof } from '../../wire/message/proof.ts';
import { readUint, uintWord } from '../../wire/words.ts';
import { cardOf, committedRelease, readIn } from './drafts.ts';

const NAME = 'volatility-1h-int8';
const { manifest, entry } = await committedRelease(NAME);
const program: Program = readProgram(entry);
const keyBytes = readIn(NAME, 'circuit/circuit.key');
const files: ProverFiles = {
  key: await openCircuitKey(nodeSuite, keyBytes),
  zkey: readIn(NAME, 'circuit/circuit.zkey'),
  wasm: readIn(NAME, 'circuit/circuit.wasm'),
};
const salt = sha256(uintWord(1n));
const input = Array.from({ length: 16 }, (_, index) => BigInt((index * 37) % 256));
const output = evaluate(program, input);
const body = (values: readonly bigint[]): Uint8Array =>
  encodeIntegers([{ decimals: 0, shape: [1, values.length], values }]);

describe('the circuit that volatility-1h-int8 names', () => {
  it('is a file of the release, for the model’s row of integers, and of a dev setup', () => {
    expect(manifest.circuit).toEqual(files.key.digest);
    expect(files.key.setup).toEqual({ kind: 'dev', phase1: 1, phase2: 1 });
    expect(files.key.key.input).toEqual({ bits: 8, signed: false, count: 16 });
    expect(files.key.key.output).toEqual({ bits: 32, signed: true, count: 1 });
    expect(sha256(files.zkey)).toEqual(files.key.key.provingKey);
  });

  // Nothing of the setup is made here: whoever changes the circuit's text has to make a new key.
  it('has the constraints that follow from the model', { timeout: 60_000 }, async () => {
    const { r1cs, wasm } = await compileCircuit(circuitOf(program, files.key.key).source);
    expect(sha256(r1cs)).toEqual(files.key.key.r1cs);
    expect(equalBytes(wasm, files.wasm)).toBe(true);
    const card = cardOf(NAME);
    expect(card).toContain(`${systemFacts(r1cs).constraints.toLocaleString('en-US')} constraints`);
    for (const file of [keyBytes, files.zkey, files.wasm]) {
      expect(card).toContain(`(${file.length.toLocaleString('en-US')} bytes)`);
    }
  });
});

describe('an answer of volatility-1h-int8', () => {
  let made: Awaited<ReturnType<typeof proveRow>>;

  beforeAll(async () => {
    made = await proveRow(files, { salt, input, output }, 0n);
  }, 60_000);

  it('is proved in the private form, which says nothing but the commitment', () => {
    const result = verifyProof(files.key, made.file);
    expect(isProvenResult(result)).toBe(true);
    expect(result).toMatchObject({ form: 'private', point: uintWord(0n), evaluation: uintWord(0n) });
    expect(result.commitment).toEqual(committedRow(files.key, { salt, input, output }).commitment);
    expect(result.circuit).toEqual(manifest.circuit);
  });

  it('is not proved for another commitment or another evaluation', () => {
    for (const change of [{ commitment: uintWord(1n) }, { evaluation: uintWord(1n) }, { point: uintWord(1n) }]) {
      expect(() => verifyProof(files.key, encodeProof({ ...made.proof, ...change }))).toThrow('proof_refused');
    }
  });

  it('has another commitment with another salt', async () => {
    const other = await proveRow(files, { salt: sha256(salt), input, output }, 0n);
    expect(other.proof.commitment).not.toEqual(made.proof.commitment);
  });

  it('answer_not_the_models: is the model’s or is not proved', { timeout: 60_000 }, async () => {
    const wrong = output.map((value) => value + 1n);
    const outcome = proveRow(files, { salt, input, output: wrong }, 0n);
    await expect(outcome).rejects.toMatchObject({ code: 'answer_not_the_models' });
  });

  it('is proved for one escrow and payee of one chain', { timeout: 60_000 }, async () => {
    const statement = {
      chainId: 31_337n,
      verifier: new Uint8Array(20).fill(1),
      escrow: new Uint8Array(32).fill(2),
      modelId: new Uint8Array(32).fill(3),
      payee: new Uint8Array(20).fill(4),
      salt,
      input: body(input),
      output: body(output),
    };
    const { proof, result, chainProof } = await proveForChain(files, statement);
    const { inputs, commitment } = committedRow(files.key, { salt, input, output });
    const { chainId, verifier, escrow, modelId, payee } = statement;
    const hashes = { inputHash: sha256(statement.input), outputHash: sha256(statement.output) };
    const point = pointOfDigest(
      sha256(pointPreimage({ chainId, verifier, escrow, modelId, payee, commitment, ...hashes })),
    );
    // One value of 32 bits with a sign is one element, moved up by half of what they are.
    const elements = [...inputs, (output[0] as bigint) + 2n ** 31n];
    expect(result).toMatchObject({ form: 'evaluated', commitment, point: uintWord(point) });
    expect(readUint(proof.evaluation)).toBe(evaluateElements(elements, point));
    expect(chainProof).toHaveLength(32 * (1 + 8 + 1));
    expect(decodeIntegers(statement.input)[0]?.values).toEqual(input);
  });

  it.each([
    ['two tensors', new Uint8Array([...body(input), ...body(input)])],
    ['another shape', encodeIntegers([{ decimals: 0, shape: [16], values: input }])],
    ['decimals', encodeIntegers([{ decimals: 1, shape: [1, 16], values: input }])],
    ['nothing', new Uint8Array(0)],
  ])('body_shape: an input with %s is not what a contract takes', async (_, given) => {
    const words = { escrow: salt, modelId: salt, salt, chainId: 1n };
    const statement = { ...words, verifier: new Uint8Array(20), payee: new Uint8Array(20), output: body(output) };
    await expect(proveForChain(files, { ...statement, input: given })).rejects.toMatchObject({ code: 'body_shape' });
  });

  it('prover_failed: a witness program that is none ends in one line', async () => {
    const broken = { ...files, wasm: new Uint8Array(8) };
    await expect(proveRow(broken, { salt, input, output }, 0n)).rejects.toMatchObject({ code: 'prover_failed' });
  });
});
