/** Every way in which the simulator refuses to go on. Codes are API. */
export type SimulatorErrorCode =
  | 'argument_invalid'
  | 'root_unsafe'
  | 'root_invalid'
  | 'image_unreadable'
  | 'image_changed'
  | 'socket_path_too_long'
  | 'already_running'
  | 'signer_failed'
  | 'kms_state_invalid'
  /** An image that this tier cannot vouch for or run. */
  | 'image_unsupported'
  | 'emulator_missing'
  /** It ended, or was too slow, before its worker listened. */
  | 'machine_failed'
  /** What came out of the machine is not what its bridge says. */
  | 'machine_protocol';

export class SimulatorError extends Error {
  readonly code: SimulatorErrorCode;

  constructor(code: SimulatorErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'SimulatorError';
    this.code = code;
  }
}
