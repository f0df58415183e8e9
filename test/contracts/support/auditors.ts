import type { Address, Hex } from 'viem';
import { encodeApprovals } from '../../../contracts/deploy/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Approval, encodeApproval } from '../../../wire/message/approval.ts';
import type { Receipt } from '../../../wire/message/receipt.ts';
import { sign, type TestKey } from '../../vectors/golden/keys.ts';
import { bytesOf, hex } from './settlement.ts';

/** As `ReplayedResult` is created with them. */
export const namedKeys = (keys: readonly TestKey[]): readonly { readonly x: Hex; readonly y: Hex }[] =>
  keys.map(({ point }) => ({ x: hex(point.slice(1, 33)), y: hex(point.slice(33)) }));

export interface ApprovedAnswer {
  readonly chainId: bigint;
  readonly verifier: Address;
  readonly log: Uint8Array;
  readonly receipt: Receipt;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** What an auditor signs about a worker's answer to an escrow. */
export function approvalOf({ chainId, verifier, log, receipt, input, output }: ApprovedAnswer): Approval {
  return {
    ...{ chainId, verifier: bytesOf(verifier), escrow: receipt.requestId, log, modelId: receipt.modelId },
    ...{ inputHash: sha256(input), outputHash: sha256(output), execution: receipt.execution },
  };
}

/** Of those auditors, by their places in the list. */
export function approvedBy(keys: ReadonlyMap<number, TestKey>, approval: Approval): Hex {
  return encodeApprovals(
    [...keys].map(([auditor, key]) => {
      const signature = sign(key, encodeApproval(approval));
      return { auditor, r: hex(signature.slice(0, 32)), s: hex(signature.slice(32)) };
    }),
  );
}
