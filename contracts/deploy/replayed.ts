import { type Address, encodeAbiParameters, type Hex, parseAbiParameters } from 'viem';
import { artifact } from '../tools/artifacts.ts';
import { type EscrowChain, type ReceiptEscrow, receiptEscrow } from './escrow.ts';

export interface ReplayedOptions {
  /** Public keys of P-256. */
  readonly auditors: readonly { readonly x: Hex; readonly y: Hex }[];
  /** So many of them have to approve. */
  readonly needed: number;
  readonly modelId: Hex;
  readonly policy: Address;
  readonly price: bigint;
}

/** Requests that a worker's receipt settles, and approvals of auditors: a proof is what `encodeApprovals` gives. */
export async function deployReplayed(
  local: EscrowChain,
  { auditors, needed, modelId, policy, price }: ReplayedOptions,
): Promise<ReceiptEscrow> {
  const verifier = await local.deploy(await artifact('ReplayedResult'), [auditors, BigInt(needed)]);
  return receiptEscrow(local, { level: 'replayed', verifier, modelId, policy, price });
}

/** One auditor's signature over `encodeApproval`'s words. */
export interface SignedApproval {
  /** Its place among the verifier's auditors. */
  readonly auditor: number;
  readonly r: Hex;
  readonly s: Hex;
}

/** What `ReplayedResult` takes for a proof. */
export function encodeApprovals(approvals: readonly SignedApproval[]): Hex {
  const inOrder = [...approvals].sort((one, other) => one.auditor - other.auditor);
  return encodeAbiParameters(parseAbiParameters('(uint256 auditor, bytes32 r, bytes32 s)[]'), [
    inOrder.map(({ auditor, r, s }) => ({ auditor: BigInt(auditor), r, s })),
  ]);
}
