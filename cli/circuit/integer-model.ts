import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type CircuitForm, circuitOf, type GeneratedCircuit } from '../../contracts/circuit/circuit.ts';
import { CircuitError } from '../../contracts/circuit/errors.ts';
import { IntegerError } from '../../contracts/integer/errors.ts';
import type { Program } from '../../contracts/integer/program.ts';
import { OnnxError } from '../../enclave/worker/model/onnx-error.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeManifest } from '../../wire/message/manifest.ts';
import { CommandError, exitCode, JudgedError } from '../exit-codes.ts';
import { DRAFT_FILE, readDraft } from '../model/draft.ts';
import { findPlainFile, readPlainFile } from '../model/plain-file.ts';
import { formOf } from '../prove/onnx-constants.ts';
import { readGraph } from '../prove/onnx-graph.ts';
import { ReadError } from '../prove/read-error.ts';
import { readProgram } from '../prove/read-program.ts';

/** A model of integers in the folder of a draft or of a release: the key of a circuit is made before there is a release. */
export interface IntegerModel {
  readonly name: string;
  readonly version: string;
  readonly program: Program;
  readonly form: CircuitForm;
  readonly circuit: GeneratedCircuit;
}

/** Reads the model of a folder and writes its circuit, or says by a code which node or number is in the way. */
export async function openIntegerModel(directory: string): Promise<IntegerModel> {
  const { name, version, onnx } = await readModel(directory);
  try {
    const program = readProgram(onnx);
    const form = circuitForm(onnx, program);
    return { name, version, program, form, circuit: circuitOf(program, form) };
  } catch (error) {
    if (error instanceof ReadError || error instanceof IntegerError || error instanceof CircuitError) {
      throw new JudgedError(error.code, error.message, { exit: exitCode.refused, cause: error });
    }
    if (!(error instanceof OnnxError)) throw error;
    throw new JudgedError(error.code, error.message, { exit: exitCode.malformed, cause: error });
  }
}

export interface FoundModel {
  readonly name: string;
  readonly version: string;
  readonly onnx: Uint8Array;
}

/** The entry of a draft or a release, with the digest that the release names. */
export async function readModel(directory: string): Promise<FoundModel> {
  const isDraft = await access(join(directory, DRAFT_FILE)).then(
    () => true,
    () => false,
  );
  const { name, version, entry, kind, digest } = isDraft
    ? { ...(await readDraft(directory)), digest: 'not yet' as const }
    : await readManifest(directory);
  if (kind !== 'tensor') throw new CommandError(`${name} is a language model, and no integer program`);
  const onnx = await readIn(directory, entry, limits.modelFileBytes);
  if (digest !== 'not yet' && !equalBytes(sha256(onnx), digest)) {
    throw new CommandError(`${join(directory, entry)} is not the file that ${name} ${version} has`);
  }
  return { name, version, onnx };
}

async function readManifest(directory: string): Promise<{
  readonly name: string;
  readonly version: string;
  readonly entry: string;
  readonly kind: string;
  readonly digest: Uint8Array;
}> {
  const encoded = await readIn(directory, 'manifest.json', limits.manifestBytes);
  try {
    const { name, version, entry, kind, files } = decodeManifest(encoded);
    const digest = files.find(({ path }) => path === entry)?.sha256 ?? new Uint8Array(32);
    return { name, version, entry, kind, digest };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${directory}/manifest.json: ${error.message}`, { cause: error });
  }
}

async function readIn(directory: string, path: string, most: number): Promise<Uint8Array> {
  return readPlainFile(directory, await findPlainFile(directory, path, most));
}

/** By the types that the file gives its input and output, which `readProgram` has looked at. */
function circuitForm(onnx: Uint8Array, { inputs, outputs }: Program): CircuitForm {
  const graph = readGraph(onnx);
  const [input, output] = [graph.inputs[0], graph.outputs[0]].map((value) => formOf(value?.type ?? 0));
  if (input === undefined || output === undefined) {
    throw new CircuitError('circuit_unsupported', 'input or output is no integer that a commitment has');
  }
  return { input: { ...input, count: inputs.count }, output: { ...output, count: outputs.length } };
}
