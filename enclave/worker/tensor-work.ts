import { commitmentOf } from '../../wire/commitment/release.ts';
import { WireError } from '../../wire/errors.ts';
import {
  decodeIntegers,
  encodeIntegers,
  type IntegerTensor,
  integersToTensor,
  tensorToIntegers,
} from '../../wire/message/integers.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { status } from '../../wire/message/receipt.ts';
import { format, type Request } from '../../wire/message/request.ts';
import {
  decodeInferRequest,
  type EncodedBody,
  encodeInferResponse,
  type InferRequest,
  type InferResponse,
  recallInferRequest,
} from '../../wire/message/tensor.ts';
import type { TensorModel } from './model/tensor-model.ts';
import type { Release } from './releases.ts';
import { AnswerError, NO_COMMITMENT, type Outcome, tooLarge, type WorkOptions } from './work.ts';

/** Runs one request to a tensor model. */
export async function tensorWork(
  { manifest, model }: Extract<Release, { readonly kind: 'tensor' }>,
  request: Request,
  { configuration, under }: WorkOptions,
): Promise<Outcome> {
  const asked = parseBody(request, manifest, model);
  const { outputs, together } = await model.run(asked.inputs, asked.outputs, {
    deadlineMs: Math.min(configuration.limits.runMilliseconds, manifest.limits.runMilliseconds),
    cancelled: () => under.endedBy !== null,
  });
  const body = encodeAnswer(
    { modelName: manifest.name, modelVersion: manifest.version, id: asked.id, outputs },
    request.header.format,
  );
  if (body.body.length > configuration.limits.responseBytes) throw tooLarge(`${body.body.length} bytes`);
  return {
    ...{ status: status.ok, error: null, units: 1n, format: request.header.format, body, streamed: null },
    commitment:
      manifest.circuit === null
        ? NO_COMMITMENT
        : commitmentOf(manifest, { salt: request.header.salt, inputs: asked.inputs, outputs }),
    // Whoever repeats it alone should know that it was not: bits may differ where an engine treats rows by their number.
    execution: { layout: 'release', schedule: together === 1 ? 'single' : 'rows', generation: null },
  };
}

function parseBody(request: Request, manifest: Manifest, model: TensorModel): InferRequest {
  const encoded = { body: request.body, jsonLength: Number(request.header.jsonLength) };
  try {
    if (request.header.format === format.integers) return integerRequest(request.body, manifest);
    if (request.header.format === format.json) return decodeInferRequest(encoded, 'json');
    return recallInferRequest(model.remembered, encoded);
  } catch (error) {
    if (error instanceof WireError) throw new AnswerError(status.refused, 'input_invalid', error.message);
    throw error;
  }
}

/** A contract gives the inputs of the release in their order, and is answered with the outputs in theirs. */
function integerRequest(body: Uint8Array, { inputs, outputs }: Manifest): InferRequest {
  const given = decodeIntegers(body);
  if (given.length !== inputs.length) throw new WireError('field_invalid', `${given.length} tensors`);
  return {
    id: null,
    inputs: inputs.map((input, index) => integersToTensor(input, given[index] as IntegerTensor)),
    outputs: outputs.map(({ name }) => name),
  };
}

/** An answer that no body can hold is too large like one that the configuration does not allow: one fault, one code. */
function encodeAnswer(response: InferResponse, asked: bigint): EncodedBody {
  try {
    if (asked === format.integers)
      return { body: encodeIntegers(response.outputs.map(tensorToIntegers)), jsonLength: 0 };
    return encodeInferResponse(response, asked === format.json ? 'json' : 'binary');
  } catch (error) {
    if (error instanceof WireError && error.code === 'too_large') throw tooLarge(error.message);
    throw error;
  }
}
