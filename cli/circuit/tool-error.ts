import { CommandError } from '../exit-codes.ts';

/** Why nothing was compiled, set up or proven. Codes are API. */
export type CircuitToolErrorCode =
  /** A program that is not part of this package, because its licence is another. */
  | 'package_missing'
  | 'compiler_failed'
  /** The powers of tau are too few for so many constraints. */
  | 'powers_too_few'
  /** The tool ended itself, or the row does not satisfy the constraints. */
  | 'prover_failed';

export class CircuitToolError extends CommandError {
  readonly code: CircuitToolErrorCode;

  constructor(code: CircuitToolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CircuitToolError';
    this.code = code;
  }
}
