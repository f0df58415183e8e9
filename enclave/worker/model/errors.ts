export type ModelErrorCode =
  /** The file is not a model that this worker runs: refused by the scan or by the engine. */
  | 'model_refused'
  /** The request does not fit the model's inputs and outputs. */
  | 'model_input'
  | 'model_timeout'
  | 'model_crashed'
  /** The engine reported an error, or the process answered with something that is not an answer. */
  | 'model_failed'
  | 'model_output_too_large'
  /** Whoever waited for it has left before it was begun. */
  | 'model_cancelled'
  | 'model_unloaded';

/** The detail may quote the engine, which may quote a value of the input: it belongs into the sealed answer only. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'ModelError';
    this.code = code;
  }
}
