/** Why a file is not accepted as a model. Codes are API, as in `wire/errors.ts`. */
export type OnnxErrorCode =
  | 'onnx_malformed'
  | 'onnx_unknown_field'
  | 'onnx_unsupported'
  | 'onnx_other_format'
  | 'onnx_too_large'
  | 'onnx_version'
  | 'onnx_domain'
  | 'onnx_operator'
  | 'onnx_trees'
  | 'onnx_external_data'
  | 'onnx_dimension';

export class OnnxError extends Error {
  readonly code: OnnxErrorCode;
  readonly offset: number;

  constructor(code: OnnxErrorCode, detail: string, offset: number) {
    super(`${code}: ${detail} at byte ${offset}`);
    this.name = 'OnnxError';
    this.code = code;
    this.offset = offset;
  }
}
