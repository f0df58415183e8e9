import { type Address, decodeErrorResult, type Hex } from 'viem';
import { ChainError } from '../../../contracts/tools/anvil.ts';
import { eventsOf, hex, mustSucceed, type SettlementWorld } from './settlement.ts';
import type { Terms } from './settlement-receipts.ts';

const NOBODY: Address = `0x${'00'.repeat(20)}`;

export const ESCROW_FEE = 700n;

/** Terms that stand until somebody answers. Without a policy where nobody has to be accepted. */
export function termsFor(wanted: Pick<Terms, 'modelId' | 'resultVerifier'> & Partial<Terms>): Terms {
  return {
    policy: NOBODY,
    unitPrice: ESCROW_FEE,
    maxFee: 1_000n,
    deadline: 2n ** 40n,
    callback: NOBODY,
    callbackGas: 0n,
    ...wanted,
  };
}

export async function openEscrow(world: SettlementWorld, terms: Terms, input: Uint8Array): Promise<Hex> {
  const { settlement, accounts } = world;
  const mined = await mustSucceed(settlement.send('openEscrow', [terms, hex(input)], accounts.requester));
  return eventsOf(settlement, mined).find(({ name }) => name === 'EscrowOpened')?.args['escrow'] as Hex;
}

/** The name of the error with which a call of the settlement reverts; `done` where it does not. */
export async function outcomeOf(
  { chain, settlement }: SettlementWorld,
  name: string,
  args: readonly unknown[],
): Promise<string> {
  try {
    await chain.call({ to: settlement.address, data: settlement.data(name, args) });
    return 'done';
  } catch (error) {
    if (!(error instanceof ChainError) || error.data === undefined) throw error;
    return decodeErrorResult({ abi: settlement.abi, data: error.data }).errorName;
  }
}
