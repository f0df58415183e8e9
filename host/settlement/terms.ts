import type { Address, Hex } from 'viem';
import { fromHex } from '../../wire/bytes.ts';
import { type Configuration, unitPriceOf } from '../../wire/message/configuration.ts';
import { operation } from '../../wire/message/request.ts';
import type { ReadyWorker } from '../worker-link.ts';
import { policyAbi } from './abi.ts';
import type { ChainReader } from './chain.ts';
import { agreed } from './quorum.ts';
import { hex } from './words.ts';

/** A contract that this operator has looked at: by its address, and by what stood there when it did. */
export interface KnownContract {
  readonly address: Address;
  /** keccak256 of its code. */
  readonly codeHash: Hex;
}

export interface KnownVerifier extends KnownContract {
  /** `by-others`: it wants more than a receipt, and whoever has that settles. The worker answers, and the host waits. */
  readonly settled: 'here' | 'by-others';
}

/** Contracts of strangers burn gas and lie about who is accepted: only these are worked for (DESIGN section 8). */
export interface ServedContracts {
  readonly policies: readonly KnownContract[];
  readonly resultVerifiers: readonly KnownVerifier[];
}

/** What one coin of the chain (10^18 wei) is worth in the token's smallest units; `any`: no request is too cheap. */
export type CoinInTokens = 'any' | bigint;

export interface TermsJudge {
  readonly chain: Pick<ChainReader, 'read' | 'readEach' | 'block' | 'codeHash'>;
  readonly quorum: number;
  readonly serves: () => Promise<ServedContracts>;
  readonly coinInTokens: CoinInTokens;
}

export interface EscrowTerms {
  readonly deadline: bigint;
  readonly policy: Address;
  readonly callbackGas: number;
  readonly resultVerifier: Address;
  readonly modelId: Hex;
  readonly inputHash: Hex;
  readonly unitPrice: bigint;
  readonly maxFee: bigint;
}

/** Why an escrow is left to others. Closed. */
export type SkipReason =
  | 'policy_not_served'
  | 'result_verifier_not_served'
  | 'log_not_accepted'
  | 'unprofitable'
  | 'price_too_low'
  | 'too_late'
  | 'input_mismatch'
  | 'input_unknown'
  | 'answer_refused'
  /** It is answered, and whoever has what its result verifier wants besides settles it. */
  | 'settled_by_others'
  | 'given_up';

/**
 * What may be otherwise tomorrow: the operator's lists, a policy's, the price of gas, what a node leaves out or makes up,
 * and what the contract refused, for want of a registration, say.
 */
const passing: ReadonlySet<SkipReason> = new Set([
  'policy_not_served',
  'result_verifier_not_served',
  'log_not_accepted',
  'unprofitable',
  'input_unknown',
  'input_mismatch',
  'given_up',
  'settled_by_others',
]);

export function mayChange(why: SkipReason): boolean {
  return passing.has(why);
}

/** Less time than this is left for answering, settling and being mined: it is not begun. */
const SECONDS_NEEDED = 30n;
/** `fulfil` with a policy of the shipped kind and without a callback (contracts/snapshots/gas.json), with room. */
const FULFIL_GAS = 250_000n;
const COIN = 10n ** 18n;

/** What keeps an escrow from being worked for by anybody here; undefined: nothing. */
export async function reasonToSkip(
  judge: TermsJudge,
  configuration: Configuration,
  terms: EscrowTerms,
): Promise<SkipReason | undefined> {
  const { chain, serves } = judge;
  const { policies, resultVerifiers } = await serves();
  const { timestamp, baseFee } = await chain.block();
  if (terms.deadline < timestamp + SECONDS_NEEDED) return 'too_late';
  const price = unitPriceOf(configuration, fromHex(terms.modelId.slice(2)), operation.infer);
  if (price === undefined || terms.unitPrice < price || terms.maxFee < price) return 'price_too_low';
  if (!isWorthItsGas(judge.coinInTokens, terms, baseFee)) return 'unprofitable';
  if (!(await isKnown(chain, terms.policy, policies))) return 'policy_not_served';
  if (!(await isKnown(chain, terms.resultVerifier, resultVerifiers))) return 'result_verifier_not_served';
  return undefined;
}

/** Who sends the answers that this result verifier judges. */
export async function settlesHere({ serves }: Pick<TermsJudge, 'serves'>, verifier: Address): Promise<boolean> {
  return entryOf((await serves()).resultVerifiers, verifier)?.settled !== 'by-others';
}

/** By the fee of an infer call, which is one unit, and by the base fee of the newest block. */
function isWorthItsGas(
  coinInTokens: CoinInTokens,
  { unitPrice, maxFee, callbackGas }: EscrowTerms,
  baseFee: bigint,
): boolean {
  if (coinInTokens === 'any') return true;
  const fee = unitPrice < maxFee ? unitPrice : maxFee;
  return fee * COIN >= (FULFIL_GAS + BigInt(callbackGas)) * baseFee * coinInTokens;
}

/** The first of these workers that the policy accepts. */
export async function acceptedLog(
  { chain, quorum }: TermsJudge,
  policy: Address,
  logs: readonly Uint8Array[],
): Promise<Uint8Array | undefined> {
  for (const log of logs) {
    const question = { to: policy, abi: policyAbi, functionName: 'accepts', args: [hex(log)] } as const;
    if (agreed(await chain.readEach(question), quorum)) return log;
  }
  return undefined;
}

async function isKnown(
  chain: Pick<ChainReader, 'codeHash'>,
  address: Address,
  known: readonly KnownContract[],
): Promise<boolean> {
  const entry = entryOf(known, address);
  return entry !== undefined && (await chain.codeHash(address)) === entry.codeHash.toLowerCase();
}

function entryOf<T extends KnownContract>(known: readonly T[], address: Address): T | undefined {
  return known.find((candidate) => candidate.address.toLowerCase() === address.toLowerCase());
}

export function logsOf(workers: readonly ReadyWorker[]): readonly Uint8Array[] {
  return workers.map(({ log }) => log);
}
