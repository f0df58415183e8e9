/**
 * Why there is no program, no contract or no result. `program_overflow`: an accumulator of the engine could leave its
 * type, or a float could round; nothing is said about what it then would be.
 */
export type IntegerErrorCode =
  | 'program_too_large'
  | 'program_shape'
  | 'program_number'
  | 'program_overflow'
  | 'input_invalid'
  | 'name_invalid'
  | 'contract_too_large';

export class IntegerError extends Error {
  override readonly name = 'IntegerError';
  readonly code: IntegerErrorCode;

  constructor(code: IntegerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
