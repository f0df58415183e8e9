import { bytes } from '../wire/codec/fields.ts';
import { WireError } from '../wire/errors.ts';
import { format, operation } from '../wire/message/request.ts';
import { decodeInferResponse, type EncodedBody, encodeInferRequest } from '../wire/message/tensor.ts';
import { type Answered, type Answering, statusError } from './calls.ts';
import type { Engine } from './engine.ts';
import { ClientError } from './errors.ts';
import { checkMaxFee } from './fees.ts';
import type { CallOptions, InferCall, InferResult } from './types.ts';
import { violation } from './violation.ts';

export async function infer(engine: Engine, call: InferCall, options: CallOptions = {}): Promise<InferResult> {
  const { modelId, encoded } = readCall(call);
  checkMaxFee(options.maxFee);
  const gain = await engine.gains.prepare(options.level, {
    inputs: call.inputs,
    release: async () => (await engine.release(modelId)).facts,
  });
  const answering = engine.ask({
    modelId,
    operation: operation.infer,
    format: call.format === 'json' ? format.json : format.binary,
    jsonLength: encoded.jsonLength,
    body: encoded.body,
    streamed: false,
    seed: new Uint8Array(32),
    disclose: options.disclose ?? 'nobody',
    maxFee: (unitPrice) => options.maxFee ?? unitPrice,
    retry: options.retry ?? engine.retry,
    signal: options.signal,
  });
  const answered = await whole(answering);
  const refused = statusError(answered);
  if (refused !== undefined) throw refused;
  const { answer } = answered;
  const response = violation(() => decodeInferResponse(answer, answer.format === 1 ? 'json' : 'binary'));
  const proof = await engine.settle(answered);
  return { response, ...proof, gained: await gain({ ...proof, outputs: response.outputs }) };
}

/** Nobody reads the pieces of an answer that was asked for as a whole. */
export async function whole(answering: Answering): Promise<Answered> {
  for (;;) {
    const next = await answering.next();
    if (next.done === true) return next.value;
  }
}

const bytes32 = bytes(32);

/** What the caller got wrong is said before anything is sent. */
function readCall(call: InferCall): { readonly modelId: Uint8Array; readonly encoded: EncodedBody } {
  try {
    const modelId = Uint8Array.from(bytes32(call.modelId, 'modelId'));
    return {
      modelId,
      encoded: encodeInferRequest({ id: null, inputs: call.inputs, outputs: call.outputs }, call.format),
    };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', error.message, { reason: error.code });
  }
}
