import { evaluate } from '../../contracts/integer/evaluate.ts';
import type { Program } from '../../contracts/integer/program.ts';
import { u32 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { floatTensor, type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import { exitCode, JudgedError } from '../exit-codes.ts';

/** How numbers of the integer model are those of its float sibling: times this. */
export interface SiblingScale {
  readonly input: number;
  readonly output: number;
}

export interface SiblingOptions {
  readonly scale: SiblingScale;
  readonly samples: number;
}

/**
 * How far the integer model is from the float model that it stands in for: |y scale - float| over the inputs' whole range,
 * each value as likely as another. Real inputs are not like that, and what the distance costs is for the model's card.
 */
export interface SiblingDistance extends SiblingOptions {
  readonly sibling: string;
  /** In the sibling's own unit, over all outputs of all samples. */
  readonly median: number;
  readonly percentile95: number;
  readonly most: number;
  /** Of what the float model answers, for scale. */
  readonly answersMedian: number;
}

export async function siblingDistance(
  program: Program,
  { name, onnx }: { readonly name: string; readonly onnx: Uint8Array },
  options: SiblingOptions,
): Promise<SiblingDistance> {
  // Only here: an optional package of hundreds of megabytes.
  const { loadEngine } = await import('../../enclave/worker/model/engine.ts');
  const engine = await loadEngine(onnx, { optimisation: 'all', threads: 1 });
  const [input, ...more] = engine.info.inputs;
  const { count } = program.inputs;
  if (input?.datatype !== 'FP32' || more.length > 0 || input.shape.length !== 2 || input.shape[1] !== count) {
    throw notComparable(`${name} does not take one FP32 tensor [rows, ${count}]`);
  }
  const rows = drawnRows(program, options.samples);
  const given = rows.flat().map((value) => Number(value) * options.scale.input);
  const outputs = await engine.run([floatTensor(input.name, [rows.length, count], given)], 'all');
  const floats = outputs.length === 1 ? (tensorValues(outputs[0] as Tensor) as number[]) : [];
  const ours = rows.flatMap((row) => evaluate(program, row)).map((value) => Number(value) * options.scale.output);
  if (floats.length !== ours.length || floats.some((value) => typeof value !== 'number')) {
    throw notComparable(`${name} does not answer one tensor of ${program.outputs.length} floats a row`);
  }
  const distances = floats.map((value, at) => Math.abs(value - (ours[at] as number))).sort(ascending);
  const answers = floats.map(Math.abs).sort(ascending);
  return {
    ...options,
    sibling: name,
    median: at(distances, 0.5),
    percentile95: at(distances, 0.95),
    most: at(distances, 1),
    answersMedian: at(answers, 0.5),
  };
}

/** The same on every machine. */
function drawnRows({ inputs: { count, range } }: Program, samples: number): readonly (readonly bigint[])[] {
  const size = range.most - range.least + 1n;
  return Array.from({ length: samples }, (_, row) =>
    Array.from({ length: count }, (__, column) => {
      const digest = sha256(Uint8Array.of(...u32(row), ...u32(column)));
      return range.least + (BigInt(`0x${Buffer.from(digest.subarray(0, 8)).toString('hex')}`) % size);
    }),
  );
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function ascending(one: number, other: number): number {
  return one - other;
}

function notComparable(message: string): JudgedError {
  return new JudgedError('sibling_not_comparable', message, { exit: exitCode.refused });
}
