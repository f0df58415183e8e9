import {
  type Abi,
  type Account,
  type Address,
  BaseError,
  createPublicClient,
  createWalletClient,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  http,
  keccak256,
  type PublicClient,
  type TransactionReceipt,
} from 'viem';
import { accountOf, addressOf, type Payer } from './account.ts';
import { ChainError } from './errors.ts';
import { refusalName } from './refusals.ts';

/** A chain by one node: what its contracts say, and transactions of one account. */
export interface ChainNode {
  readonly chainId: bigint;
  readonly client: PublicClient;
  code(address: Address): Promise<Hex>;
  codeHash(address: Address): Promise<Hex>;
  read<T>(call: ContractCall): Promise<T>;
}

export interface ContractCall {
  /** As it is called where it refuses. */
  readonly contract: string;
  readonly address: Address;
  readonly abi: Abi;
  readonly functionName: string;
  readonly args: readonly unknown[];
}

export interface Mined {
  readonly hash: Hex;
  readonly gasUsed: bigint;
  /** In wei. */
  readonly fee: bigint;
  readonly receipt: TransactionReceipt;
}

/** Sends for one account, one after the other. */
export interface Sender {
  readonly address: Address;
  /** Simulated first: what a contract would refuse is not sent. Resolves when it is mined and has succeeded. */
  send(call: ContractCall): Promise<Mined>;
  /** Gas and fee of a call as of now; throws where it would be refused. */
  estimate(call: ContractCall): Promise<Cost>;
  /** Creates a contract under a number of the account's. */
  create(creation: {
    readonly contract: string;
    readonly data: Hex;
    readonly nonce: number;
    readonly gas: bigint;
  }): Promise<Mined>;
  nonce(tag: 'latest' | 'pending'): Promise<number>;
}

export interface Cost {
  readonly gas: bigint;
  /** The most that is paid for it, in wei. */
  readonly fee: bigint;
}

/** EIP-7825: no transaction may ask for more. */
export const MOST_GAS: bigint = 2n ** 24n;
/** A twentieth more than was estimated: the state may have moved a little when it is mined. */
const GAS_MARGIN = 20n;
const WAIT_MS = 120_000;
const POLL_MS = 200;

export async function openNode(rpc: string, expected?: bigint): Promise<ChainNode> {
  const client: PublicClient = createPublicClient({ transport: http(rpc), pollingInterval: POLL_MS });
  const chainId = BigInt(await asked(() => client.getChainId()));
  if (expected !== undefined && expected !== chainId) {
    throw new ChainError('chain_other', `the node is of chain ${chainId}, and ${expected} was named`);
  }
  const code = async (address: Address): Promise<Hex> => (await asked(() => client.getCode({ address }))) ?? '0x';
  return {
    chainId,
    client,
    code,
    codeHash: async (address) => keccak256(await code(address)),
    async read<T>(call: ContractCall): Promise<T> {
      const data = encodeFunctionData({ abi: call.abi, functionName: call.functionName, args: [...call.args] });
      const answer = await refusing(call, () => client.call({ to: call.address, data }));
      // A call to an address without code succeeds, with nothing.
      if (answer.data === undefined) throw new ChainError('contract_missing', `no ${call.contract} at ${call.address}`);
      try {
        return decodeFunctionResult({ abi: call.abi, functionName: call.functionName, data: answer.data }) as T;
      } catch (cause) {
        throw new ChainError('contract_missing', `no ${call.contract} at ${call.address}`, { cause });
      }
    },
  };
}

export async function requireContract(node: ChainNode, contract: string, address: Address): Promise<void> {
  if ((await node.code(address)) !== '0x') return;
  throw new ChainError('contract_missing', `no ${contract} at ${address} on chain ${node.chainId}`);
}

export async function openSender(node: ChainNode, rpc: string, payer: Payer): Promise<Sender> {
  const account = await accountOf(payer);
  const { client } = node;
  const wallet = createWalletClient({ account, transport: http(rpc) });
  const from = addressOf(account);

  async function cost(data: Hex, call: Pick<ContractCall, 'contract'>, to: Address | undefined): Promise<Cost> {
    const gas = await refusing(call, () =>
      client.estimateGas({ account: from, data, ...(to !== undefined && { to }) }),
    );
    const withMargin = gas + gas / GAS_MARGIN;
    const limited = withMargin < MOST_GAS ? withMargin : MOST_GAS;
    return { gas: limited, fee: limited * (await feesOf(client)).maxFeePerGas };
  }

  const dataOf = ({ abi, functionName, args }: ContractCall): Hex =>
    encodeFunctionData({ abi, functionName, args: [...args] });

  return {
    address: from,
    nonce: (blockTag) => asked(() => client.getTransactionCount({ address: from, blockTag })),
    estimate: async (call) => cost(dataOf(call), call, call.address),
    async send(call) {
      const data = dataOf(call);
      await refusing(call, () => client.call({ account: from, to: call.address, data }));
      const { gas } = await cost(data, call, call.address);
      // The fees are named: a node that fills them in for its own account may name a tip above the whole.
      const fees = await feesOf(client);
      const hash = await refusing(call, () =>
        wallet.sendTransaction({ ...sent(account), to: call.address, data, gas, ...fees }),
      );
      return mined(client, `${call.contract}.${call.functionName}`, hash);
    },
    async create({ contract, data, nonce, gas }) {
      const fees = await feesOf(client);
      const hash = await refusing({ contract }, () =>
        wallet.sendTransaction({ ...sent(account), data, nonce, gas, ...fees }),
      );
      return mined(client, `the creation of ${contract}`, hash);
    },
  };
}

/** The library takes the account's own form; the chain is the node's, which was asked. */
function sent(account: Account | Address): { readonly account: Account | Address; readonly chain: null } {
  return { account, chain: null };
}

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export async function feesOf(client: PublicClient): Promise<Fees> {
  const { maxFeePerGas, maxPriorityFeePerGas } = await asked(() => client.estimateFeesPerGas());
  return { maxFeePerGas, maxPriorityFeePerGas };
}

export async function mined(client: PublicClient, what: string, hash: Hex): Promise<Mined> {
  let receipt: TransactionReceipt;
  try {
    receipt = await client.waitForTransactionReceipt({ hash, timeout: WAIT_MS });
  } catch (cause) {
    throw new ChainError('transaction_unseen', `${what} was sent in ${hash}, and is not mined yet`, { cause });
  }
  if (receipt.status !== 'success') throw new ChainError('transaction_reverted', `${what} was reverted in ${hash}`);
  const fee = receipt.gasUsed * receipt.effectiveGasPrice;
  return { hash, gasUsed: receipt.gasUsed, fee, receipt };
}

/** What a node does not answer is told in one line. */
export async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    throw new ChainError('chain_unavailable', `the chain: ${error.shortMessage} ${error.details}`, { cause: error });
  }
}

/** What a contract refuses has a name of the contract's. */
export async function refusing<T>({ contract }: Pick<ContractCall, 'contract'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const data = revertData(error);
    if (data !== undefined) {
      throw new ChainError('contract_refused', `${contract} refuses: ${refusalName(data)}`, { cause: error });
    }
    const poor = /insufficient funds|exceeds the balance|not have enough/i.test(
      `${error.shortMessage} ${error.details}`,
    );
    if (poor) throw new ChainError('coin_missing', 'the account cannot pay for gas', { cause: error });
    throw new ChainError('chain_unavailable', `the chain: ${error.shortMessage} ${error.details}`, { cause: error });
  }
}

/** Nodes give it in places of their own. Without data there is still the word. */
function revertData(error: BaseError): Hex | undefined {
  let reverted = false;
  for (let inner: unknown = error; typeof inner === 'object' && inner !== null; inner = (inner as Error).cause) {
    const { data, code, message } = inner as {
      readonly data?: unknown;
      readonly code?: unknown;
      readonly message?: unknown;
    };
    const found = hexIn(data);
    if (found !== undefined) return found;
    reverted ||= code === 3 || (typeof message === 'string' && /execution reverted/i.test(message));
  }
  return reverted ? '0x' : undefined;
}

function hexIn(data: unknown): Hex | undefined {
  if (typeof data === 'string')
    return /^0x([0-9a-f]{2})*$/i.test(data) && data.length >= 10 ? (data as Hex) : undefined;
  return typeof data === 'object' && data !== null && 'data' in data ? hexIn(data.data) : undefined;
}
