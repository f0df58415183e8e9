import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { Tensor } from '../../../wire/message/tensor.ts';
import { ModelError } from './errors.ts';

/** A free dimension that the model left without a name: it is not tied to any other. */
export const UNNAMED_DIMENSION = '_';

/** Every input exactly once, of the declared type and shape; free dimensions of one name have one size. */
export function checkInputs(given: readonly Tensor[], declared: readonly ManifestTensor[]): void {
  const byName = new Map(given.map((tensor) => [tensor.name, tensor]));
  if (byName.size !== given.length) throw new ModelError('model_input', 'an input is given twice');
  if (given.length > declared.length) throw new ModelError('model_input', 'more inputs than the model has');
  const sizes = new Map<string, number>();
  for (const expected of declared) {
    const tensor = byName.get(expected.name);
    if (tensor === undefined) throw new ModelError('model_input', `the input ${expected.name} is missing`);
    checkTensor(tensor, expected, sizes, 'model_input');
  }
}

/** What a model process answered is checked like what a stranger sent. */
export function checkOutputs(given: readonly Tensor[], expected: readonly ManifestTensor[]): void {
  const named = given.length === expected.length && given.every((tensor, i) => tensor.name === expected[i]?.name);
  if (!named) throw new ModelError('model_failed', 'the process answered with other outputs than asked for');
  // A free dimension of an output may depend on data, so only the declared sizes count here.
  given.forEach((tensor, index) => {
    checkTensor(tensor, expected[index] as ManifestTensor, new Map(), 'model_failed');
  });
}

export function selectOutputs(
  asked: readonly string[] | 'all',
  declared: readonly ManifestTensor[],
): readonly ManifestTensor[] {
  if (asked === 'all') return declared;
  if (asked.length === 0 || new Set(asked).size !== asked.length) {
    throw new ModelError('model_input', 'outputs are named once each, and at least one is');
  }
  return asked.map((name) => {
    const output = declared.find((candidate) => candidate.name === name);
    if (output === undefined) throw new ModelError('model_input', 'the model has no such output');
    return output;
  });
}

function checkTensor(
  tensor: Tensor,
  expected: ManifestTensor,
  sizes: Map<string, number>,
  code: 'model_input' | 'model_failed',
): void {
  const { name, datatype, shape } = expected;
  if (tensor.datatype !== datatype) throw new ModelError(code, `${name} is ${tensor.datatype}, expected ${datatype}`);
  const fits =
    tensor.shape.length === shape.length &&
    shape.every((declared, axis) => {
      const size = tensor.shape[axis] as number;
      if (typeof declared === 'number') return size === declared;
      if (declared === UNNAMED_DIMENSION || code === 'model_failed') return true;
      const known = sizes.get(declared) ?? size;
      sizes.set(declared, known);
      return size === known;
    });
  if (!fits) throw new ModelError(code, `${name} has shape [${tensor.shape.join()}], expected [${shape.join()}]`);
}
