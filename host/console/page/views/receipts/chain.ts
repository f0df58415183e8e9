import { ClientError } from '../../../../../client/errors.ts';
import type { ChannelOnChain } from '../../../../../client/payment/chain.ts';
import type { WorkerFacts } from '../../../../../verifier/index.ts';
import { concatBytes, fromHex, isZero, toHex } from '../../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../../wire/codec/json.ts';
import { limits } from '../../../../../wire/limits.ts';
import { readUint } from '../../../../../wire/words.ts';
import type { ChainReader } from '../../connection/chain.ts';

/** First four bytes of Keccak-256 of the functions' signatures, and the topics of events; a test holds them against viem's. */
export const selectors = {
  headKeyOf: 'b655a8a8',
  operatorOf: '63ea4ab2',
  channelOf: '171a2a7d',
  claimedOf: '88341cd2',
} as const;

export const topics = {
  headPosted: '0x8dd518d53d3442482acc3a2c97b0c5147bcc0315fef5d64356192f98ac2b8318',
  claimed: '0xd9126119fa9c516709ff9f21d9a56ddf245584c2d2ea9261586dc9ca978af618',
} as const;

/** What nodes answer in one go, and in most of which a worker's whole life fits. */
export const LOG_BLOCKS = 10_000n;

export interface Registered {
  readonly operator: Uint8Array;
  /** Seconds since 1970; null where no such log is registered. */
  readonly expiresAt: bigint | null;
  /** Null where it was not revoked. */
  readonly revokedAt: bigint | null;
}

export interface PostedHead {
  readonly size: number;
  readonly root: Uint8Array;
  readonly transaction: string;
  readonly block: bigint;
}

export interface ClaimOnChain {
  readonly channel: Uint8Array;
  readonly amount: bigint;
  readonly claimedByLog: bigint;
  readonly transaction: string;
  readonly block: bigint;
}

export interface OnChain {
  readonly block: bigint;
  /** The first block whose events were asked for. */
  readonly from: bigint;
  readonly registered: Registered;
  /** Newest first. */
  readonly heads: readonly PostedHead[];
  readonly claims: readonly ClaimOnChain[];
}

type Named = Pick<WorkerFacts, 'log' | 'identity'>;

/** Whether the page's node and the worker's identity are of one chain. */
export async function chainProblem(
  chain: ChainReader,
  { identity }: Named,
): Promise<'no_chain' | 'other_chain' | null> {
  if (identity.chainId === 0n) return 'no_chain';
  return (await chain.chainId()) === identity.chainId ? null : 'other_chain';
}

/** As good as the node that was asked: nothing here is proven by a signature but the roots of heads. */
export async function readOnChain(chain: ChainReader, { log, identity }: Named): Promise<OnChain> {
  const { registry, settlement } = identity;
  const block = await chain.blockNumber();
  const from = block < LOG_BLOCKS ? 0n : block - LOG_BLOCKS + 1n;
  const key = words(await chain.call(registry, concatBytes(fromHex(selectors.headKeyOf), log)), 5);
  const [operator] = words(await chain.call(registry, concatBytes(fromHex(selectors.operatorOf), log)), 1);
  const [expiresAt, revokedAt] = key.slice(3).map(readUint) as [bigint, bigint];
  const events = async (wanted: readonly (string | null)[]): Promise<readonly Event[]> =>
    eventsIn(
      await chain.request('eth_getLogs', [
        { address: `0x${toHex(settlement)}`, fromBlock: `0x${from.toString(16)}`, toBlock: 'latest', topics: wanted },
      ]),
    );
  const posted = await events([topics.headPosted, `0x${toHex(log)}`]);
  const claimed = await events([topics.claimed, null, `0x${toHex(log)}`]);
  return {
    block,
    from,
    registered: {
      operator: (operator as Uint8Array).slice(12),
      expiresAt: expiresAt === 0n ? null : expiresAt,
      revokedAt: revokedAt === 0n ? null : revokedAt,
    },
    heads: posted.map(postedHead).reverse(),
    claims: claimed.map(claimOf).reverse(),
  };
}

export interface ChannelState extends ChannelOnChain {
  readonly claimedByLog: bigint;
}

/** The channel that a receipt charges; undefined where the chain knows none of that id. */
export async function readChannel(
  chain: ChainReader,
  { log, identity: { settlement } }: Named,
  id: Uint8Array,
): Promise<ChannelState | undefined> {
  const found = words(await chain.call(settlement, concatBytes(fromHex(selectors.channelOf), id)), 6);
  const [payer, payee, sessionX, sessionY, balance, closesAt] = found as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (isZero(payer)) return undefined;
  const [claimed] = words(await chain.call(settlement, concatBytes(fromHex(selectors.claimedOf), id, log)), 1);
  return {
    payer: payer.slice(12),
    payee: payee.slice(12),
    sessionX,
    sessionY,
    balance: readUint(balance),
    closesAt: readUint(closesAt),
    claimedByLog: readUint(claimed as Uint8Array),
  };
}

const WORD = 32;

function words(bytes: Uint8Array, count: number): readonly Uint8Array[] {
  if (bytes.length !== count * WORD) throw unreadable(`${bytes.length} bytes: no such contract stands there`);
  return Array.from({ length: count }, (_, at) => bytes.slice(at * WORD, (at + 1) * WORD));
}

interface Event {
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
  readonly transaction: string;
  readonly block: bigint;
}

function eventsIn(answer: JsonValue): readonly Event[] {
  if (!Array.isArray(answer)) throw unreadable('no list of events');
  return (answer as readonly JsonValue[]).slice(-limits.watchedHeads).map(eventOf);
}

function eventOf(value: JsonValue): Event {
  const member = (name: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? (value as Readonly<Record<string, unknown>>)[name]
      : undefined;
  const [topicList, data, transaction, block] = ['topics', 'data', 'transactionHash', 'blockNumber'].map(member);
  if (!Array.isArray(topicList) || !isHash(transaction) || typeof block !== 'string') throw unreadable('no event');
  if (!/^0x[0-9a-f]{1,16}$/.test(block)) throw unreadable('no number of a block');
  return { topics: topicList.map((topic) => bytesOf(topic)), data: bytesOf(data), transaction, block: BigInt(block) };
}

function postedHead({ data, transaction, block }: Event): PostedHead {
  const [size, root] = words(data, 2) as [Uint8Array, Uint8Array];
  const leaves = readUint(size);
  if (leaves > BigInt(limits.treeSize)) throw unreadable('a size that is no count');
  return { size: Number(leaves), root, transaction, block };
}

function claimOf({ topics: named, data, transaction, block }: Event): ClaimOnChain {
  const [amount, claimedByLog] = words(data, 2) as [Uint8Array, Uint8Array];
  const channel = named[1];
  if (channel === undefined) throw unreadable('a claim of no channel');
  return { channel, amount: readUint(amount), claimedByLog: readUint(claimedByLog), transaction, block };
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value);
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^0x([0-9a-f]{2}){0,4096}$/.test(value)) throw unreadable('no bytes');
  return fromHex(value.slice(2));
}

function unreadable(detail: string): ClientError {
  return new ClientError('host_error', `what the chain's node answered cannot be read: ${detail}`, {
    reason: 'chain_error',
  });
}
