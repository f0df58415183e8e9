import {
  type Abi,
  type Account,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  createPublicClient,
  createWalletClient,
  type EncodeFunctionDataParameters,
  encodeFunctionData,
  type Hex,
  http,
  keccak256,
  type Log,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { PaymentError } from '../payments/errors.ts';

/** Whose transactions they are: an account that the node holds, or a key of the operator's. It signs nothing else. */
export type OperatorAccount =
  | { readonly kind: 'unlocked'; readonly address: Address }
  | { readonly kind: 'key'; readonly privateKey: Hex };

export interface Sent {
  readonly hash: Hex;
  readonly gasUsed: bigint;
}

/** The few things that a settler does with a chain. Everything that fails is a `PaymentError`. */
export interface SettlementChain {
  readonly operator: Address;
  /** The newest block, or the one with that hash. */
  block(hash?: Hex): Promise<BlockWords>;
  /** Events of one contract, both ends included. */
  logs(address: Address, fromBlock: bigint, toBlock: bigint): Promise<readonly Log[]>;
  read<
    const abi extends Abi,
    name extends ContractFunctionName<abi, 'view'>,
    const args extends ContractFunctionArgs<abi, 'view', name>,
  >(call: Call<abi, name, args>): Promise<ContractFunctionReturnType<abi, 'view', name, args>>;
  /** Simulated first: what would revert is not sent. Resolves when it is mined and has succeeded. */
  send<
    const abi extends Abi,
    name extends ContractFunctionName<abi, 'nonpayable'>,
    const args extends ContractFunctionArgs<abi, 'nonpayable', name>,
  >(call: Call<abi, name, args>): Promise<Sent>;
  /** Whether nothing of the operator's is on its way: what a settler before this one sent may still change everything. */
  isQuiet(): Promise<boolean>;
  codeHash(address: Address): Promise<Hex>;
}

export interface BlockWords {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Unix seconds. */
  readonly timestamp: bigint;
}

export interface Call<abi, name, args> {
  readonly to: Address;
  readonly abi: abi;
  readonly functionName: name;
  readonly args: args;
}

const POLL_MS = 100;
/** A transaction that took longer than this is looked for again by its effects. */
const MINED_MS = 120_000;

export async function openChain(options: {
  readonly rpc: string;
  readonly chainId: bigint;
  readonly account: OperatorAccount;
}): Promise<SettlementChain> {
  const transport = http(options.rpc);
  const client = createPublicClient({ transport, pollingInterval: POLL_MS, cacheTime: 0 });
  const wallet = createWalletClient({ transport });
  const account: Account | Address =
    options.account.kind === 'key' ? privateKeyToAccount(options.account.privateKey) : options.account.address;
  const operator = typeof account === 'string' ? account : account.address;
  const found = await asked(() => client.getChainId());
  if (BigInt(found) !== options.chainId) {
    throw new PaymentError('chain_unavailable', `it is chain ${found}, not ${options.chainId}`);
  }

  return {
    operator,
    block: (hash) => asked(() => (hash === undefined ? client.getBlock() : client.getBlock({ blockHash: hash }))),
    logs: (address, fromBlock, toBlock) => asked(() => client.getLogs({ address, fromBlock, toBlock })),
    read: (call) =>
      asked(() =>
        client.readContract({
          address: call.to,
          abi: call.abi as Abi,
          functionName: call.functionName as string,
          args: call.args as readonly unknown[],
        }),
      ) as Promise<never>,
    async send(call) {
      const data = encodeFunctionData(call as unknown as EncodeFunctionDataParameters);
      const transaction = { to: call.to, data };
      const gas = await asked(() => client.estimateGas({ account, ...transaction }));
      const { maxFeePerGas, maxPriorityFeePerGas } = await asked(() => client.estimateFeesPerGas());
      const hash = await asked(() =>
        wallet.sendTransaction({
          account,
          chain: null,
          ...transaction,
          gas: gas + gas / GAS_MARGIN,
          maxFeePerGas,
          maxPriorityFeePerGas,
        }),
      );
      const { status, gasUsed } = await asked(() => client.waitForTransactionReceipt({ hash, timeout: MINED_MS }));
      if (status !== 'success') throw new PaymentError('transaction_reverted', hash);
      return { hash, gasUsed };
    },
    async isQuiet() {
      const count = (blockTag: 'latest' | 'pending'): Promise<number> =>
        client.getTransactionCount({ address: operator, blockTag });
      const [mined, known] = await asked(() => Promise.all([count('latest'), count('pending')]));
      return mined === known;
    },
    async codeHash(address) {
      return keccak256((await asked(() => client.getCode({ address }))) ?? '0x');
    },
  };
}

/** A twentieth more than was estimated: the state may have moved a little when it is mined. */
const GAS_MARGIN = 20n;

async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof PaymentError) throw cause;
    const name = cause instanceof Error ? cause.name : 'unknown';
    const reverted = /Revert|Execution|EstimateGas|CallExecution/.test(name);
    throw new PaymentError(reverted ? 'transaction_reverted' : 'chain_unavailable', name, { cause });
  }
}
