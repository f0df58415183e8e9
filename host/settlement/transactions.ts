import { type Address, type Hex, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { blockWords, quantityText } from './chain.ts';
import { RpcFault } from './errors.ts';
import type { Endpoints } from './rpc/endpoints.ts';
import { fieldsOf, quantity, word } from './rpc/values.ts';

/** Whose transactions they are: an account that the node holds, or a key of the operator's. It signs nothing else. */
export type OperatorAccount =
  | { readonly kind: 'unlocked'; readonly address: Address }
  | { readonly kind: 'key'; readonly privateKey: Hex };

export interface Fee {
  /** In wei, for each unit of gas: the most that is paid, and what of it goes to whoever makes the block. */
  readonly max: bigint;
  readonly tip: bigint;
}

export interface Numbered {
  readonly nonce: number;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly fee: Fee;
}

export interface Mined {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly succeeded: boolean;
  readonly gasUsed: bigint;
}

/** What is done with an operator's transactions at a node. It throws what `Endpoints` throw. */
export interface Transactions {
  readonly operator: Address;
  /** How many of the account are mined, or known to the node. */
  count(tag: 'latest' | 'pending'): Promise<number>;
  /** Gas; what would revert is refused. */
  estimate(call: { readonly to: Address; readonly data: Hex }): Promise<bigint>;
  market(): Promise<{ readonly baseFee: bigint; readonly tip: bigint }>;
  /** For this chain only, whatever a node says that it is. The hash is known before anybody has it, where the key is. */
  prepare(transaction: Numbered): Promise<{ readonly hash: Hex | undefined; send(): Promise<Hex> }>;
  mined(hash: Hex): Promise<Mined | undefined>;
}

const MOST_TRANSACTIONS = 2n ** 40n;

export function createTransactions(options: {
  readonly endpoints: Endpoints;
  readonly chainId: bigint;
  readonly account: OperatorAccount;
}): Transactions {
  const { endpoints, chainId, account } = options;
  const signer = account.kind === 'key' ? privateKeyToAccount(account.privateKey) : undefined;
  const operator = account.kind === 'key' ? privateKeyToAccount(account.privateKey).address : account.address;

  return {
    operator,
    count: (tag) =>
      endpoints.call('eth_getTransactionCount', [operator, tag], (value) => {
        const count = quantity(value);
        if (count > MOST_TRANSACTIONS) throw new RpcFault('rpc_garbage', 'no account has sent as many');
        return Number(count);
      }),
    // On what is mined: some nodes would take what is on its way for done, this very transaction among it.
    estimate: ({ to, data }) => endpoints.call('eth_estimateGas', [{ from: operator, to, data }, 'latest'], quantity),
    async market() {
      const { baseFee } = await endpoints.call('eth_getBlockByNumber', ['latest', false], blockWords);
      return { baseFee, tip: await endpoints.call('eth_maxPriorityFeePerGas', [], quantity) };
    },
    async prepare({ nonce, to, data, gas, fee }) {
      if (signer === undefined) {
        const fields = {
          from: operator,
          to,
          data,
          chainId: quantityText(chainId),
          nonce: quantityText(BigInt(nonce)),
          gas: quantityText(gas),
          maxFeePerGas: quantityText(fee.max),
          maxPriorityFeePerGas: quantityText(fee.tip),
        };
        return { hash: undefined, send: () => endpoints.call('eth_sendTransaction', [fields], word) };
      }
      const raw = await signer.signTransaction({
        type: 'eip1559',
        chainId: Number(chainId),
        nonce,
        to,
        data,
        gas,
        maxFeePerGas: fee.max,
        maxPriorityFeePerGas: fee.tip,
      });
      const hash = keccak256(raw);
      return {
        hash,
        send: () =>
          endpoints.call('eth_sendRawTransaction', [raw], (value) => {
            if (word(value) !== hash) throw new RpcFault('rpc_inconsistent', 'the hash of another transaction');
            return hash;
          }),
      };
    },
    mined: (hash) =>
      endpoints.call('eth_getTransactionReceipt', [hash], (value) => {
        if (value === null) return undefined;
        const { transactionHash, blockNumber, blockHash, status, gasUsed } = fieldsOf(value);
        if (word(transactionHash) !== hash)
          throw new RpcFault('rpc_inconsistent', 'the receipt of another transaction');
        return {
          hash,
          blockNumber: quantity(blockNumber),
          blockHash: word(blockHash),
          succeeded: quantity(status) === 1n,
          gasUsed: quantity(gasUsed),
        };
      }),
  };
}
