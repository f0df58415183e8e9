import { equalBytes, isZero, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { type Configuration, unitPriceOf } from '../../wire/message/configuration.ts';
import { encodeExecution, type Runtime } from '../../wire/message/execution.ts';
import {
  decodeIntegers,
  encodeIntegers,
  type IntegerTensor,
  integersToTensor,
  tensorToIntegers,
} from '../../wire/message/integers.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { status } from '../../wire/message/receipt.ts';
import {
  feeFor,
  flag,
  format,
  operation,
  type Request,
  requestPreimage,
  responsePreimage,
} from '../../wire/message/request.ts';
import {
  decodeInferRequest,
  type EncodedBody,
  encodeInferResponse,
  type InferRequest,
  type InferResponse,
} from '../../wire/message/tensor.ts';
import type { Charge } from './channels.ts';
import type { CpuFacts } from './cpu.ts';
import type { Reservation } from './log.ts';
import { ModelError, type ModelErrorCode } from './model/errors.ts';
import type { Release, Releases } from './releases.ts';

/** Why an answer is not a result. It stands in the body of a receipted answer: the worker's word, not the host's. */
export type AnswerErrorCode =
  | 'operation_not_offered'
  | 'stream_not_offered'
  | 'channel_not_open'
  | 'price_too_low'
  | 'voucher_too_low'
  | 'seed_without_sampling'
  | 'model_not_loaded'
  | 'body_too_large'
  | 'response_too_large'
  | 'input_invalid'
  | ModelErrorCode;

export interface Answer {
  readonly status: bigint;
  /** Null where there is a result. */
  readonly error: AnswerErrorCode | null;
  readonly bundle: ReceiptBundle;
  readonly format: bigint;
  readonly body: EncodedBody;
}

interface Outcome {
  readonly status: bigint;
  readonly error: AnswerErrorCode | null;
  readonly units: bigint;
  readonly format: bigint;
  readonly body: EncodedBody;
}

class AnswerError extends Error {
  readonly status: bigint;
  readonly code: AnswerErrorCode;

  constructor(outcome: bigint, code: AnswerErrorCode, detail: string) {
    super(detail);
    this.name = 'AnswerError';
    this.status = outcome;
    this.code = code;
  }
}

export interface Answering {
  readonly configuration: Configuration;
  readonly runtime: Runtime;
  readonly cpu: CpuFacts;
  readonly releases: Releases;
}

/**
 * Runs one request and receipts whatever came of it: a refusal by the worker is provable, too. `charge` is of the channel
 * that the header names, where its session may charge that one.
 */
export async function answer(
  context: Answering,
  request: Request,
  reservation: Reservation,
  charge?: Charge,
): Promise<Answer> {
  const { header } = request;
  const outcome = await attempt(context, request, charge).catch((error: unknown) => {
    charge?.release();
    throw error;
  });
  const fee = feeFor(header, outcome.units);
  const execution = encodeExecution({
    ...context.runtime,
    ...context.cpu,
    layout: 'release',
    schedule: 'single',
    generation: null,
  });
  const bundle = await reservation.record(
    {
      requestId: header.requestId,
      channel: header.channel,
      modelId: header.modelId,
      requestHash: sha256(requestPreimage(request.headerBytes, sha256(request.body))),
      responseHash: sha256(
        responsePreimage({
          salt: header.salt,
          status: outcome.status,
          format: outcome.format,
          jsonLength: BigInt(outcome.body.jsonLength),
          bodyHash: sha256(outcome.body.body),
        }),
      ),
      commitment: new Uint8Array(32),
      execution: sha256(execution),
      flags: header.flags,
      status: outcome.status,
      fee,
      // Nothing is waited for between this and the leaf's place, so that sums grow in the order of the log. Channel zero
      // owes nothing: such a request is free, or paid by an escrow that names its own fee.
      cumulativeFee: charge?.settle(fee) ?? 0n,
      deadline: header.deadline,
    },
    execution,
  );
  return { status: outcome.status, error: outcome.error, bundle, format: outcome.format, body: outcome.body };
}

async function attempt(context: Answering, request: Request, charge?: Charge): Promise<Outcome> {
  try {
    const release = admit(context, request, charge);
    const { manifest, model } = release;
    const asked = parseBody(request, manifest);
    const outputs = await model.run(asked.inputs, asked.outputs, {
      deadlineMs: Math.min(context.configuration.limits.runMilliseconds, manifest.limits.runMilliseconds),
    });
    const body = encodeAnswer(
      { modelName: manifest.name, modelVersion: manifest.version, id: asked.id, outputs },
      request.header.format,
    );
    if (body.body.length > context.configuration.limits.responseBytes) throw tooLarge(`${body.body.length} bytes`);
    return { status: status.ok, error: null, units: 1n, format: request.header.format, body };
  } catch (error) {
    return failed(error);
  }
}

/** What the header must say before the body is looked at. */
function admit(context: Answering, { header, body }: Request, charge?: Charge): Release {
  const refuse = (code: AnswerErrorCode, detail: string): never => {
    throw new AnswerError(status.refused, code, detail);
  };
  if (header.operation !== operation.infer) refuse('operation_not_offered', 'this worker serves tensors');
  if ((header.flags & flag.streamed) !== 0n) refuse('stream_not_offered', 'tensors do not stream');
  const charged = !isZero(header.channel);
  if (charged && charge === undefined) refuse('channel_not_open', 'this session may not charge that channel');
  // DESIGN section 4: a contract's request has a seed whether the model draws or not, and it is nobody's to choose.
  const onChain = header.format === format.integers && equalBytes(header.seed, sha256(header.requestId));
  if (!isZero(header.seed) && !onChain) refuse('seed_without_sampling', 'tensor models draw nothing');
  const price = unitPriceOf(context.configuration, header.modelId, header.operation);
  if (price === undefined) return refuse('operation_not_offered', 'the price table has no line for it');
  if (header.unitPrice < price) refuse('price_too_low', `one unit costs ${price}`);
  // The fee never passes maxFee, so a maximum below one unit would buy it for less than it costs.
  if (header.maxFee < price) refuse('price_too_low', `the maximum is below one unit, which costs ${price}`);
  if (body.length > context.configuration.limits.bodyBytes) refuse('body_too_large', `${body.length} bytes`);
  const release = context.releases.find(header.modelId) ?? refuse('model_not_loaded', 'no such model here');
  // Last, so that whatever is refused holds nothing: requests that run at once must not pass the voucher together.
  if (charged && charge?.reserve(header.maxFee) !== true)
    refuse('voucher_too_low', 'the newest voucher does not cover it');
  return release;
}

function parseBody(request: Request, manifest: Manifest): InferRequest {
  const encoded = { body: request.body, jsonLength: Number(request.header.jsonLength) };
  try {
    if (request.header.format === format.integers) return integerRequest(request.body, manifest);
    return decodeInferRequest(encoded, request.header.format === format.json ? 'json' : 'binary');
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

function tooLarge(detail: string): AnswerError {
  return new AnswerError(status.stopped, 'response_too_large', detail);
}

const modelStatus: Readonly<Record<ModelErrorCode, bigint>> = {
  model_refused: status.refused,
  model_input: status.refused,
  model_timeout: status.stopped,
  model_output_too_large: status.stopped,
  model_unloaded: status.stopped,
  model_crashed: status.modelError,
  model_failed: status.modelError,
};

function failed(error: unknown): Outcome {
  if (error instanceof AnswerError) return refusal(error.status, error.code, error.message);
  if (error instanceof ModelError) return refusal(modelStatus[error.code], error.code, error.message);
  if (error instanceof WireError) return refusal(status.modelError, 'model_failed', error.message);
  throw error;
}

function refusal(outcome: bigint, code: AnswerErrorCode, detail: string): Outcome {
  const body = utf8(JSON.stringify({ error: { code, detail: detail.slice(0, 1_024) } }));
  return { status: outcome, error: code, units: 0n, format: format.json, body: { body, jsonLength: body.length } };
}
