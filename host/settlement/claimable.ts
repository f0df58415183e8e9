import type { Address } from 'viem';
import { registryAbi } from './abi.ts';
import type { ChainReader } from './chain.ts';
import { HEAD_GRACE_SECONDS } from './heads.ts';

/** A day for this host's clock, which is not the chain's, and the longest between two of its looks at who is here. */
const MARGIN_SECONDS = 2n * 86_400n;
/** No registry can be deployed with more, neither as its lifetime nor as its skew. */
const LONGEST_SECONDS = 366n * 86_400n;

/**
 * How long after a worker was last heard of its receipts may still be claimed: it may have been registered at that moment,
 * by evidence that was dated ahead, and heads are taken for a day after the end (DESIGN section 8). Of several nodes the
 * one that says the longest is believed: too early is a loss, too late is disk.
 */
export async function claimableMs(chain: Pick<ChainReader, 'readEach'>, registry: Address): Promise<number> {
  const question = { to: registry, abi: registryAbi, args: [] } as const;
  const lifetimes = await chain.readEach({ ...question, functionName: 'LIFETIME' });
  const skews = await chain.readEach({ ...question, functionName: 'MAX_SKEW' });
  return Number(1_000n * (longest(lifetimes) + longest(skews) + HEAD_GRACE_SECONDS + MARGIN_SECONDS));
}

function longest(answers: readonly bigint[]): bigint {
  let most = 0n;
  for (const answer of answers) if (answer > most) most = answer;
  return most < LONGEST_SECONDS ? most : LONGEST_SECONDS;
}
