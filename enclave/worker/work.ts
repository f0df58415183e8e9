import { utf8 } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import { status } from '../../wire/message/receipt.ts';
import { format } from '../../wire/message/request.ts';
import type { EncodedBody } from '../../wire/message/tensor.ts';
import type { BoundExecution, ExecutionDetail } from './executions.ts';
import { ModelError, type ModelErrorCode } from './model/errors.ts';
import type { Ending, UnderWay } from './under-way.ts';

/** Why an answer is not a result. It stands in the body of a receipted answer: the worker's word, not the host's. */
export type AnswerErrorCode =
  | 'operation_not_offered'
  | 'stream_not_offered'
  | 'channel_not_open'
  | 'price_too_low'
  | 'voucher_too_low'
  | 'seed_without_sampling'
  | 'sampling_without_seed'
  | 'model_not_loaded'
  | 'body_too_large'
  | 'response_too_large'
  | 'input_invalid'
  | 'cancelled'
  | 'abandoned'
  | ModelErrorCode;

/** What came of a request, before it is receipted. */
export interface Outcome {
  readonly status: bigint;
  /** Null where there is a result. */
  readonly error: AnswerErrorCode | null;
  readonly units: bigint;
  readonly format: bigint;
  /** Of a streamed answer what has not been sent in pieces yet. */
  readonly body: EncodedBody;
  /** Of a streamed answer: what stands for all of its bytes. */
  readonly streamed: { readonly hash: Uint8Array; readonly length: number } | null;
  readonly commitment: Uint8Array;
  readonly execution: ExecutionDetail;
}

/** Nothing was computed, or by a model whose answer is not used. */
export const plainExecution: ExecutionDetail = { layout: 'release', schedule: 'single', generation: null };

/** Of all answers but those of a release that names a circuit. Nobody writes into it. */
export const NO_COMMITMENT: Uint8Array = new Uint8Array(32);

export interface WorkOptions {
  readonly configuration: Configuration;
  /** The whole of what decides the bits of an answer, as its receipt will bind it. */
  readonly executionOf: (detail: ExecutionDetail) => BoundExecution;
  readonly under: Pick<UnderWay, 'endedBy' | 'signal'>;
  /** Takes the bytes of a streamed answer as they come. */
  readonly onPiece: (bytes: Uint8Array) => void;
}

export class AnswerError extends Error {
  readonly status: bigint;
  readonly code: AnswerErrorCode;

  constructor(outcome: bigint, code: AnswerErrorCode, detail: string) {
    super(detail);
    this.name = 'AnswerError';
    this.status = outcome;
    this.code = code;
  }
}

export function tooLarge(detail: string): AnswerError {
  return new AnswerError(status.stopped, 'response_too_large', detail);
}

const modelStatus: Readonly<Record<ModelErrorCode, bigint>> = {
  model_refused: status.refused,
  model_input: status.refused,
  model_timeout: status.stopped,
  model_output_too_large: status.stopped,
  model_unloaded: status.stopped,
  model_cancelled: status.stopped,
  model_crashed: status.modelError,
  model_failed: status.modelError,
};

/** An error as an outcome; what is no fault of request or model goes on. */
export function failed(error: unknown, { endedBy }: Pick<UnderWay, 'endedBy'>): Outcome {
  if (error instanceof ModelError && error.code === 'model_cancelled') return ended(endedBy);
  if (error instanceof AnswerError) return refusal(error.status, error.code, error.message);
  if (error instanceof ModelError) return refusal(modelStatus[error.code], error.code, error.message);
  if (error instanceof WireError) return refusal(status.modelError, 'model_failed', error.message);
  throw error;
}

/** It was ended before anything was computed. Only what a client ended is `cancelled`: the host's word costs nobody. */
function ended(by: Ending | null): Outcome {
  return by === 'client'
    ? refusal(status.cancelled, 'cancelled', 'ended by the client')
    : refusal(status.stopped, 'abandoned', 'the host says that nobody waits');
}

function refusal(outcome: bigint, code: AnswerErrorCode, detail: string): Outcome {
  const body = errorBody(code, detail);
  return {
    ...{ status: outcome, error: code, units: 0n, format: format.json },
    body: { body, jsonLength: body.length },
    streamed: null,
    commitment: NO_COMMITMENT,
    execution: plainExecution,
  };
}

export function errorBody(code: AnswerErrorCode, detail: string): Uint8Array {
  return utf8(JSON.stringify({ error: { code, detail: detail.slice(0, 1_024) } }));
}
