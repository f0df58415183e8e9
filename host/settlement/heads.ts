import type { Address } from 'viem';
import { decodeIdentity } from '../../wire/message/identity.ts';
import type { Journal } from '../journal/index.ts';
import { registryAbi, settlementAbi } from './abi.ts';
import type { SettlementChain } from './chain.ts';
import { hex, type SignedHeadWords } from './words.ts';

export interface HeadPoster {
  readonly chain: SettlementChain;
  readonly settlement: Address;
  readonly journal: Pick<Journal, 'logInfo'>;
}

/**
 * Whether receipts under a head can be settled: it is kept by the contract, or would be; `waiting`: its log is not
 * registered yet; `lost`: a day has passed since its log's registration ended, or the log was revoked before.
 */
export type HeadStanding = 'kept' | 'acceptable' | 'waiting' | 'lost';

/** The contract's `HEAD_GRACE`. */
export const HEAD_GRACE_SECONDS = 86_400n;

export async function headStanding(poster: HeadPoster, log: Uint8Array, head: SignedHeadWords): Promise<HeadStanding> {
  const { chain, settlement: to, journal } = poster;
  const kept = await chain.read({ to, abi: settlementAbi, functionName: 'rootOf', args: [head.log, head.size] });
  if (kept === head.root) return 'kept';
  const registry = hex(decodeIdentity(journal.logInfo(log).identity).registry);
  const key = await chain.read({ to: registry, abi: registryAbi, functionName: 'headKeyOf', args: [head.log] });
  if (key.revokedAt !== 0) return 'lost';
  if (key.expiresAt === 0) return 'waiting';
  const { timestamp } = await chain.block();
  return timestamp > BigInt(key.expiresAt) + HEAD_GRACE_SECONDS ? 'lost' : 'acceptable';
}

export async function postHead({ chain, settlement: to }: HeadPoster, head: SignedHeadWords): Promise<void> {
  const intent = { what: 'postHead', key: `head/${head.log}/${head.size}`, version: head.root } as const;
  await chain.send({ to, abi: settlementAbi, functionName: 'postHead', args: [head] }, intent);
}
