import { integerForm, tensorsOfExchange } from '../../wire/commitment/index.ts';
import type { ManifestTensor } from '../../wire/message/manifest.ts';
import { type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import type { Statement } from './statement.ts';

/** What went in and what came out, by the names of the release. */
export interface Tensors {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Throws a `WireError` where the bodies hold something else. */
export function tensorsOf({ manifest, header, request, response }: Statement): Tensors {
  const { format, jsonLength, body } = response;
  return tensorsOfExchange(manifest, { header, body: request, response: { format: BigInt(format), jsonLength, body } });
}

/** In the release's order; undefined where one is missing or is no tensor of integers. */
export function integersOf(
  declared: readonly ManifestTensor[],
  given: readonly Tensor[],
): readonly (readonly bigint[])[] | undefined {
  const rows: bigint[][] = [];
  for (const { name, datatype } of declared) {
    const tensor = given.find((candidate) => candidate.name === name);
    if (tensor === undefined || tensor.datatype !== datatype || integerForm(datatype) === undefined) return undefined;
    rows.push((tensorValues(tensor) as readonly (number | bigint | boolean)[]).map((value) => BigInt(value)));
  }
  return rows;
}
