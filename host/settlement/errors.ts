import type { Hex } from 'viem';

/** What is wrong with what a node answers, or with how it does not. Codes are API. */
export type RpcFaultCode =
  | 'rpc_timeout'
  | 'rpc_unreachable'
  /** It asks for fewer questions: HTTP 429, or the same as a JSON-RPC error. */
  | 'rpc_throttled'
  | 'rpc_oversize'
  | 'rpc_garbage'
  | 'rpc_wrong_chain'
  /** Its newest block is older than one that was seen to be final. */
  | 'rpc_behind'
  /** Its answer is not one to the question: blocks, addresses or topics that were not asked for. */
  | 'rpc_inconsistent';

export class RpcFault extends Error {
  readonly code: RpcFaultCode;

  constructor(code: RpcFaultCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'RpcFault';
    this.code = code;
  }
}

/** The node's own no, in the form in which JSON-RPC says it. Its text is for telling kinds apart, and is never passed on. */
export class RpcRefusal extends Error {
  readonly kind: RefusalKind;
  /** What the contract reverted with; empty where the node does not say it, or where there is nothing to say. */
  readonly data: Hex;

  constructor(code: number, message: string, { data = '0x' }: { readonly data?: Hex } = {}) {
    super(`${code}: ${message}`);
    this.name = 'RpcRefusal';
    this.kind = kindOf(code, message);
    this.data = data;
  }
}

/** What a node's refusal means, as far as its text tells. */
export type RefusalKind =
  | 'reverted'
  | 'nonce_too_low'
  | 'known'
  | 'underpriced'
  | 'fee_below_base'
  | 'coin_missing'
  | 'other';

/** There is no standard for these texts: what geth, its forks, reth and anvil say. */
const spellings: readonly (readonly [RefusalKind, RegExp])[] = [
  ['reverted', /revert|VM Exception|invalid opcode|out of gas/i],
  ['nonce_too_low', /nonce too low|nonce .*(already|lower|used)|OldNonce/i],
  ['known', /already known|already imported|known transaction|AlreadyKnown/i],
  ['underpriced', /underpriced|fee too low|gas price too low|could not replace/i],
  ['fee_below_base', /max fee per gas less than block base fee|fee cap less than|below.*base fee/i],
  ['coin_missing', /insufficient (funds|balance)|not have enough (funds|balance)/i],
];

function kindOf(code: number, message: string): RefusalKind {
  // Execution reverted, with data.
  if (code === 3) return 'reverted';
  return spellings.find(([, pattern]) => pattern.test(message))?.[0] ?? 'other';
}

/** Why something was not settled yet. None of these costs more than time: what is due is found again. Codes are API. */
export type SettlementErrorCode =
  /** On its way, or as many are on their way as may be. */
  | 'transaction_pending'
  /** Its number was used by another transaction of the same account, or it makes no sense any more. */
  | 'transaction_superseded'
  | 'fee_above_cap'
  | 'coin_missing'
  /** The nodes are behind what this settler has seen mined: their answers would make it do things twice. */
  | 'chain_behind';

export class SettlementError extends Error {
  readonly code: SettlementErrorCode;

  constructor(code: SettlementErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'SettlementError';
    this.code = code;
  }
}
