import type { Address } from 'viem';
import type { ChannelFunds } from '../payments/admission.ts';
import { settlementAbi } from './abi.ts';
import type { ChainReader } from './chain.ts';
import { atLeast } from './quorum.ts';
import { hex } from './words.ts';

export interface FundsSource {
  readonly chain: Pick<ChainReader, 'readEach'>;
  readonly settlement: Address;
  readonly quorum: number;
}

/** What is worked for on the strength of, so that no single node is believed where the operator named a quorum. */
export async function fundsOf(source: FundsSource, channel: Uint8Array, log: Uint8Array): Promise<ChannelFunds> {
  const { chain, settlement: to, quorum } = source;
  const id = hex(channel);
  // In this order: a claim that is mined in between makes the sum too small, never too large.
  const claimed = await chain.readEach({ to, abi: settlementAbi, functionName: 'claimedOf', args: [id, hex(log)] });
  const states = await chain.readEach({ to, abi: settlementAbi, functionName: 'channelOf', args: [id] });
  const balances = states.map(({ closesAt, balance }) => (closesAt === 0 ? balance : 0n));
  return { balance: atLeast(balances, quorum), claimed: atLeast(claimed, quorum) };
}
