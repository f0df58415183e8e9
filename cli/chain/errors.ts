/** Why something was not done on a chain. Codes are API: `--json` tells them. */
export type ChainErrorCode =
  /** The node does not answer, or answers something that is no answer. */
  | 'chain_unavailable'
  /** Another chain than the one that was named. */
  | 'chain_other'
  | 'contract_missing'
  /** The contract's own no, by the name that it has there. */
  | 'contract_refused'
  | 'transaction_reverted'
  | 'transaction_unseen'
  | 'coin_missing'
  | 'key_unreadable'
  | 'key_open_to_others'
  | 'key_invalid'
  | 'contracts_missing'
  | 'deployment_invalid'
  | 'deployment_other'
  /** What stands at an address is not what would be created there. */
  | 'deployment_code'
  | 'root_simulated'
  | 'root_genuine'
  | 'registration_invalid'
  | 'registration_other'
  | 'block_unsteady'
  | 'channel_invalid'
  | 'channel_exists'
  | 'nothing_claimable'
  | 'head_unknown'
  | 'setup_invalid'
  | 'not_agreed';

export class ChainError extends Error {
  readonly code: ChainErrorCode;

  constructor(code: ChainErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'ChainError';
    this.code = code;
  }
}
