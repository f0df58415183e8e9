import { WireError } from '../errors.ts';
import { decodeIntegers, type IntegerTensor, integersToTensor } from '../message/integers.ts';
import type { ManifestTensor } from '../message/manifest.ts';
import { format, type RequestHeader } from '../message/request.ts';
import { decodeInferRequest, decodeInferResponse, type EncodedBody } from '../message/tensor.ts';
import type { Tensor } from '../message/tensor-data.ts';
import { WORD } from '../words.ts';
import { type CommittingRelease, commitmentOf, isCommitting } from './release.ts';

/** A request and its answer as they travelled. */
export interface CommittedExchange {
  readonly header: Pick<RequestHeader, 'salt' | 'format' | 'jsonLength'>;
  readonly body: Uint8Array;
  readonly response: EncodedBody & { readonly format: bigint };
}

/**
 * What a receipt with status ok commits to, for whoever has the bytes; `commitmentOf` is for whoever has tensors. Bodies are
 * read only where something is to be committed to; those that hold no tensors then throw a `WireError`.
 */
export function commitmentOfExchange(
  release: CommittingRelease,
  { header, body, response }: CommittedExchange,
): Uint8Array {
  if (!isCommitting(release)) return new Uint8Array(WORD);
  return commitmentOf(release, { salt: header.salt, ...tensorsOfExchange(release, { header, body, response }) });
}

/** What was given and answered, whatever the form of the bodies; those that hold no tensors throw a `WireError`. */
export function tensorsOfExchange(
  release: Pick<CommittingRelease, 'inputs' | 'outputs'>,
  { header, body, response }: CommittedExchange,
): { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] } {
  const request = { body, jsonLength: Number(header.jsonLength) };
  const inputs =
    header.format === format.integers
      ? fromIntegers(release.inputs, body)
      : decodeInferRequest(request, bodyFormat(header.format)).inputs;
  const outputs =
    response.format === format.integers
      ? fromIntegers(release.outputs, response.body)
      : decodeInferResponse(response, bodyFormat(response.format)).outputs;
  return { inputs, outputs };
}

function bodyFormat(word: bigint): 'json' | 'binary' {
  return word === format.json ? 'json' : 'binary';
}

function fromIntegers(declared: readonly ManifestTensor[], body: Uint8Array): readonly Tensor[] {
  const given = decodeIntegers(body);
  if (given.length !== declared.length) throw new WireError('field_invalid', `${given.length} tensors`);
  return declared.map((tensor, index) => integersToTensor(tensor, given[index] as IntegerTensor));
}
