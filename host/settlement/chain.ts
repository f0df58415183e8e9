import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  type DecodeFunctionResultParameters,
  decodeFunctionResult,
  type EncodeFunctionDataParameters,
  encodeFunctionData,
  type Hex,
  keccak256,
  type Log,
} from 'viem';
import { PaymentError } from '../payments/errors.ts';
import { RpcFault, RpcRefusal } from './errors.ts';
import type { Endpoints } from './rpc/endpoints.ts';
import { bytesText, fieldsOf, garbage, listOf, quantity, word } from './rpc/values.ts';

export interface Sent {
  readonly hash: Hex;
  readonly gasUsed: bigint;
}

/** What a transaction is for: nothing is sent while the same is on its way, or was mined and is not final. */
export interface Intent {
  readonly what: 'register' | 'postHead' | 'claim' | 'fulfil';
  readonly key: string;
  /** Grows with what it achieves: a claim of more is another claim. */
  readonly version: string;
}

/** The few things that a settler does with a chain. It throws `PaymentError` and `SettlementError`. */
export interface SettlementChain extends ChainReader {
  readonly operator: Address;
  /** Simulated first: what would revert is not sent. Resolves when it is mined and has succeeded. */
  send<
    const abi extends Abi,
    name extends ContractFunctionName<abi, 'nonpayable'>,
    const args extends ContractFunctionArgs<abi, 'nonpayable', name>,
  >(call: Call<abi, name, args>, intent: Intent): Promise<Sent>;
}

export interface ChainReader {
  /** The newest block, or the one with that number; undefined where there is none. */
  block(): Promise<BlockWords>;
  /** The number of the last one that was asked for so: nothing is asked for it. */
  heard(): bigint;
  blockAt(number: bigint): Promise<BlockWords | undefined>;
  /** Some of one contract's events, by what their first topics may be; both ends included. */
  logs(address: Address, topics: Topics, fromBlock: bigint, toBlock: bigint): Promise<readonly Log[]>;
  read: Read<'one'>;
  /** What each node says, for facts on which money is given: one for each that answers. */
  readEach: Read<'each'>;
  codeHash(address: Address): Promise<Hex>;
}

export type Topics = readonly (readonly Hex[])[];

export interface BlockWords {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Unix seconds. */
  readonly timestamp: bigint;
  readonly baseFee: bigint;
}

export interface Call<abi, name, args> {
  readonly to: Address;
  readonly abi: abi;
  readonly functionName: name;
  readonly args: args;
}

type Read<from extends 'one' | 'each'> = <
  const abi extends Abi,
  name extends ContractFunctionName<abi, 'view'>,
  const args extends ContractFunctionArgs<abi, 'view', name>,
>(
  call: Call<abi, name, args>,
) => Promise<
  from extends 'one'
    ? ContractFunctionReturnType<abi, 'view', name, args>
    : readonly ContractFunctionReturnType<abi, 'view', name, args>[]
>;

export interface ChainReaderOptions {
  readonly endpoints: Endpoints;
  /** A block with this many above it is taken to stay: nodes whose newest is older are not believed. */
  readonly finalAfterBlocks: bigint;
  readonly onRefused: OnRefused;
}

/** Told of each no of a contract: of which call, with what, and the newest block that was heard of before. */
export type OnRefused = (call: string, data: Hex, newest: bigint) => void;

/** Past this, numbers of blocks stop being ones that a chain reaches. */
const MOST_BLOCKS = 2n ** 48n;

export function createChainReader({ endpoints, finalAfterBlocks, onRefused }: ChainReaderOptions): ChainReader {
  /** By each node: one that makes up a high number makes no other look as if it was behind. */
  const highest = new Map<number, bigint>();
  let heard = 0n;

  const newest = (value: unknown, endpoint: number): BlockWords => {
    const block = blockWords(value);
    const before = highest.get(endpoint) ?? 0n;
    if (block.number + finalAfterBlocks < before) throw new RpcFault('rpc_behind', `${block.number} after ${before}`);
    if (block.number > before) highest.set(endpoint, block.number);
    heard = block.number;
    return block;
  };

  const view = <T>(call: Call<Abi, string, readonly unknown[]>, ask: Endpoints['call'] | Endpoints['callEach']) => {
    const data = encodeFunctionData(call as unknown as EncodeFunctionDataParameters);
    const params = [{ to: call.to, data }, 'latest'];
    return refusing(
      () => ask('eth_call', params, (result) => decoded<T>(call, bytesText(result))) as Promise<T>,
      (reverted) => onRefused(call.functionName, reverted, heard),
    );
  };

  return {
    heard: () => heard,
    block: () => refusing(() => endpoints.call('eth_getBlockByNumber', ['latest', false], newest)),
    blockAt: (number) =>
      refusing(() =>
        endpoints.call('eth_getBlockByNumber', [quantityText(number), false], (value) => {
          if (value === null) return undefined;
          const block = blockWords(value);
          if (block.number !== number) throw new RpcFault('rpc_inconsistent', 'another block');
          return block;
        }),
      ),
    async logs(address, topics, fromBlock, toBlock) {
      const range = { fromBlock: quantityText(fromBlock), toBlock: quantityText(toBlock) };
      const filter = { address, topics, ...range };
      const told = await refusing(() =>
        endpoints.callEach('eth_getLogs', [filter], (value) =>
          listOf(value).map((item) => logOf(item, { address, topics, fromBlock, toBlock })),
        ),
      );
      // One that leaves something out hides nothing while another tells it. What is made up, contracts do not know.
      const all = new Map(told.flat().map((log) => [`${log.blockHash}/${log.logIndex}`, log]));
      return [...all.values()];
    },
    read: (call) => view(call as never, endpoints.call),
    readEach: (call) => view(call as never, endpoints.callEach),
    async codeHash(address) {
      return keccak256(await refusing(() => endpoints.call('eth_getCode', [address, 'latest'], bytesText)));
    },
  };
}

/** What a node refuses is the contract's no, or it cannot be told what it is. */
export async function refusing<T>(
  work: () => Promise<T>,
  onReverted: (data: Hex) => void = () => undefined,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof RpcRefusal)) throw cause;
    if (cause.kind === 'reverted') onReverted(cause.data);
    const code = cause.kind === 'reverted' ? 'transaction_reverted' : 'chain_unavailable';
    throw new PaymentError(code, cause.kind, { cause });
  }
}

export function quantityText(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}

function decoded<T>({ abi, functionName }: Call<Abi, string, readonly unknown[]>, data: Hex): T {
  try {
    return decodeFunctionResult({ abi, functionName, data } as DecodeFunctionResultParameters) as T;
  } catch (cause) {
    throw new RpcFault('rpc_garbage', `no answer of ${functionName}`, { cause });
  }
}

export function blockWords(value: unknown): BlockWords {
  const { number, hash, parentHash, timestamp, baseFeePerGas } = fieldsOf(value);
  const block = {
    number: quantity(number),
    hash: word(hash),
    parentHash: word(parentHash),
    timestamp: quantity(timestamp),
    baseFee: quantity(baseFeePerGas ?? '0x0'),
  };
  if (block.number > MOST_BLOCKS) throw garbage('no block has that number');
  return block;
}

function logOf(
  value: unknown,
  asked: {
    readonly address: Address;
    readonly topics: Topics;
    readonly fromBlock: bigint;
    readonly toBlock: bigint;
  },
): Log {
  const { address, topics, data, blockNumber, blockHash, transactionHash, logIndex, removed } = fieldsOf(value);
  const number = quantity(blockNumber);
  const from = bytesText(address);
  const words = listOf(topics).map(word);
  const fits =
    from === asked.address.toLowerCase() &&
    asked.topics.every((allowed, place) => allowed.includes(words[place] ?? '0x')) &&
    asked.fromBlock <= number &&
    number <= asked.toBlock;
  if (!fits || removed === true) throw new RpcFault('rpc_inconsistent', 'an event that was not asked for');
  return {
    address: from,
    topics: words as [Hex, ...Hex[]],
    data: bytesText(data),
    blockNumber: number,
    blockHash: word(blockHash),
    transactionHash: word(transactionHash),
    logIndex: Number(quantity(logIndex)),
    transactionIndex: 0,
    removed: false,
  } as unknown as Log;
}
