import { integerForm } from '../../wire/commitment/index.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeIntegers, integersToTensor } from '../../wire/message/integers.ts';
import type { ManifestTensor } from '../../wire/message/manifest.ts';
import { format } from '../../wire/message/request.ts';
import {
  decodeInferRequest,
  decodeInferResponse,
  type EncodedBody,
  type Tensor,
  tensorValues,
} from '../../wire/message/tensor.ts';
import type { Statement } from './statement.ts';

/** What went in and what came out, by the names of the release. */
export interface Tensors {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Throws a `WireError` where the bodies hold something else. */
export function tensorsOf({ manifest, header, request, response }: Statement): Tensors {
  const given = { body: request, jsonLength: Number(header.jsonLength) };
  return {
    inputs:
      header.format === format.integers
        ? fromIntegers(manifest.inputs, request)
        : decodeInferRequest(given, bodyFormat(header.format)).inputs,
    outputs:
      BigInt(response.format) === format.integers
        ? fromIntegers(manifest.outputs, response.body)
        : decodeInferResponse(response satisfies EncodedBody, bodyFormat(BigInt(response.format))).outputs,
  };
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

function bodyFormat(word: bigint): 'json' | 'binary' {
  return word === format.json ? 'json' : 'binary';
}

function fromIntegers(declared: readonly ManifestTensor[], body: Uint8Array): readonly Tensor[] {
  const given = decodeIntegers(body);
  if (given.length !== declared.length) throw new WireError('field_invalid', `${given.length} tensors`);
  return given.map((tensor, index) => integersToTensor(declared[index] as ManifestTensor, tensor));
}
