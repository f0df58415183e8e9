import { limits } from '../limits.ts';
import type { Manifest, ManifestTensor } from '../message/manifest.ts';
import type { Tensor } from '../message/tensor-data.ts';
import { uintWord, WORD } from '../words.ts';
import { commitElements } from './elements.ts';
import { integerForm, packTensor, valuesPerElement } from './pack.ts';

/** What of a release decides whether its answers are committed to. */
export type CommittingRelease = Pick<Manifest, 'kind' | 'circuit' | 'inputs' | 'outputs'>;

/** One request's tensors and its answer's. */
export interface CommittedAnswer {
  readonly salt: Uint8Array;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/**
 * The commitment of a receipt with status ok: one word; zero where the release names no circuit, where its tensors are not
 * all integers of one fixed shape, and where this request and answer are not one row of every input and every output.
 */
export function commitmentOf(release: CommittingRelease, { salt, inputs, outputs }: CommittedAnswer): Uint8Array {
  const nothing = new Uint8Array(WORD);
  if (!isCommitting(release)) return nothing;
  const given = rows(release.inputs, inputs);
  const answered = rows(release.outputs, outputs);
  if (given === undefined || answered === undefined) return nothing;
  return uintWord(commitElements({ salt, inputs: given, outputs: answered }));
}

/** Whether any receipt of its answers has a commitment. */
export function isCommitting(release: CommittingRelease): boolean {
  return release.circuit !== null && whyUncommittable(release) === undefined;
}

/** Why no answer of such a release can be committed to; undefined where its answers can. */
export function whyUncommittable({ kind, inputs, outputs }: Omit<CommittingRelease, 'circuit'>): string | undefined {
  if (kind !== 'tensor') return `a model of the kind ${kind} has no tensors`;
  if (inputs.length === 0 || outputs.length === 0) return 'it takes no inputs or gives no outputs';
  const tensors = [...inputs, ...outputs];
  const odd = tensors.find(({ datatype }) => integerForm(datatype) === undefined);
  if (odd !== undefined) return `${odd.name} is ${odd.datatype}, which is no integer`;
  const free = tensors.find(({ shape }) => !isOfRows(shape));
  if (free !== undefined) return `${free.name} has the shape [${free.shape.join()}], which is not rows of one size`;
  const elements = tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0);
  return elements > limits.commitmentElements ? `one row has ${elements} elements` : undefined;
}

/** The first dimension counts rows, or is one; the others are fixed. */
function isOfRows(shape: ManifestTensor['shape']): boolean {
  const [first, ...others] = shape;
  return (typeof first === 'string' || first === 1) && others.every((size) => typeof size === 'number' && size > 0);
}

function elementsOf({ datatype, shape }: ManifestTensor): number {
  const values = shape.slice(1).reduce<number>((product, size) => product * Number(size), 1);
  return Math.ceil(values / valuesPerElement(integerForm(datatype)?.bits ?? 8));
}

/** In the release's order, whatever the order of the body; undefined unless each is there, and is one row. */
function rows(declared: readonly ManifestTensor[], given: readonly Tensor[]): readonly bigint[] | undefined {
  const elements: bigint[] = [];
  for (const { name, datatype, shape } of declared) {
    const tensor = given.find((candidate) => candidate.name === name);
    const isOneRow =
      tensor?.datatype === datatype &&
      tensor.shape.length === shape.length &&
      tensor.shape.every((size, axis) => size === (axis === 0 ? 1 : shape[axis]));
    if (!isOneRow) return undefined;
    elements.push(...packTensor(tensor));
  }
  return elements;
}
