/**
 * Why a program becomes no circuit, or a row no witness. `circuit_unsupported`: what the program takes or gives has no form
 * that a commitment has. `circuit_too_large`: no machine that people have would compile or prove it in reasonable time. `file_malformed`: a compiler or a ceremony wrote another kind of file.
 */
export type CircuitErrorCode = 'circuit_unsupported' | 'circuit_too_large' | 'input_invalid' | 'file_malformed';

export class CircuitError extends Error {
  override readonly name = 'CircuitError';
  readonly code: CircuitErrorCode;

  constructor(code: CircuitErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
