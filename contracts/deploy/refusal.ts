import { decodeErrorResult, decodeFunctionData, encodeFunctionData, type Hex } from 'viem';
import { ChainError, TRANSACTION_GAS } from '../tools/anvil.ts';
import { artifact } from '../tools/artifacts.ts';
import type { LocalChain } from './local.ts';

/** An answer on its way to the settlement, as the arguments of its call. */
export type Attempt =
  | { readonly functionName: 'fulfil'; readonly args: readonly [id: Hex, output: Hex, logged: unknown, proof: Hex] }
  | { readonly functionName: 'fulfilProven'; readonly args: readonly [id: Hex, output: Hex, payee: Hex, proof: Hex] };

/** A settlement that was mined, with what it said. */
export interface SentAttempt {
  readonly attempt: Attempt;
  readonly calldataBytes: number;
  /** The block in which it was not settled yet. */
  readonly before: Hex;
}

/** The name of the error with which the settlement refuses an answer, as the chain was after that block; `none`: it takes it. */
export async function refusalOf(
  { chain, operator, deployment }: LocalChain,
  { functionName, args }: Attempt,
  block: Hex | 'latest' = 'latest',
): Promise<string> {
  const { abi } = await artifact('Settlement');
  const data = encodeFunctionData({ abi, functionName, args });
  const call = { from: operator, to: deployment.settlement, data, gas: `0x${TRANSACTION_GAS.toString(16)}` };
  try {
    await chain.rpc('eth_call', [call, block]);
    return 'none';
  } catch (error) {
    if (!(error instanceof ChainError) || error.data === undefined) throw error;
    return decodeErrorResult({ abi, data: error.data }).errorName;
  }
}

/** What a mined transaction told the settlement, whoever sent it. */
export async function sentAttempt({ chain }: LocalChain, hash: Hex): Promise<SentAttempt> {
  const { abi } = await artifact('Settlement');
  const sent = await chain.rpc<{ readonly input: Hex; readonly blockNumber: Hex } | null>('eth_getTransactionByHash', [
    hash,
  ]);
  if (sent === null) throw new ChainError(`the chain does not know ${hash}`);
  const { functionName, args } = decodeFunctionData({ abi, data: sent.input });
  if (functionName !== 'fulfil' && functionName !== 'fulfilProven') {
    throw new ChainError(`${hash} is no settlement but ${functionName}`);
  }
  return {
    attempt: { functionName, args } as unknown as Attempt,
    calldataBytes: (sent.input.length - 2) / 2,
    before: `0x${(BigInt(sent.blockNumber) - 1n).toString(16)}`,
  };
}
