import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { type Address, encodeDeployData, type Hex } from 'viem';
import type { Artifact } from './artifacts.ts';
import { FoundryError, foundryBinary, foundryEnvironment } from './foundry.ts';

export type Hardfork = 'osaka' | 'prague';

export interface ChainOptions {
  readonly hardfork: Hardfork;
  /** Of the first block, in unix seconds: evidence has dates. */
  readonly timestamp?: number;
}

export interface Transaction {
  readonly to?: Address;
  readonly data?: Hex;
  readonly value?: bigint;
  /** The first of anvil's accounts where it is left out. */
  readonly from?: Address;
  /** The whole transaction limit of EIP-7825 where it is left out. */
  readonly gas?: bigint;
}

export interface Receipt {
  readonly status: 'success' | 'reverted';
  /** Everything the sender pays for: 21,000, calldata at its floor or more, execution, less refunds. */
  readonly gasUsed: bigint;
  readonly contractAddress: Address | null;
  readonly logs: readonly { readonly address: Address; readonly topics: readonly Hex[]; readonly data: Hex }[];
  readonly transactionHash: Hex;
  readonly blockNumber: bigint;
}

/** What a chain answered, with the revert data where there is some. */
export class ChainError extends Error {
  override readonly name: string = 'ChainError';
  readonly data: Hex | undefined;

  constructor(message: string, data?: Hex) {
    super(message);
    this.data = data;
  }
}

export interface Chain {
  readonly url: string;
  readonly hardfork: Hardfork;
  readonly accounts: readonly Address[];
  /** JSON-RPC, for everything that the calls below do not cover. */
  rpc<T>(method: string, params?: readonly unknown[]): Promise<T>;
  /** Mines the transaction whether it succeeds or reverts; refused ones (above 2^24 gas, say) throw. */
  send(transaction: Transaction): Promise<Receipt>;
  /** The result of a call that changes nothing; a revert throws its data. */
  call(transaction: Transaction): Promise<Hex>;
  deploy(contract: Artifact, args?: readonly unknown[]): Promise<Address>;
  stop(): Promise<void>;
}

/** EIP-7825: no transaction may ask for more. */
export const TRANSACTION_GAS: bigint = 2n ** 24n;

/** Ends anvil when this process ends in any way, SIGKILL included: the pipe to `cat` closes with it. */
const BOUND_TO_PARENT = '"$0" "$@" & child=$!; trap "" TERM INT; cat >/dev/null; kill -KILL $child';

const START_MS = 60_000;

/** A chain of its own on a free loopback port, with the rules of a hardfork and EIP-7825's limit for transactions. */
export async function startChain({ hardfork, timestamp }: ChainOptions): Promise<Chain> {
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      BOUND_TO_PARENT,
      foundryBinary('anvil'),
      ...anvilArguments({ hardfork, ...(timestamp !== undefined && { timestamp }) }),
    ],
    { env: foundryEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const url = await listening(child);
  const rpc = rpcTo(url);
  const accounts = await rpc<readonly Address[]>('eth_accounts');
  const send = sender({ rpc, from: accounts[0] as Address });
  return {
    url,
    hardfork,
    accounts,
    rpc,
    send,
    call: (transaction) => rpc('eth_call', [fields({ from: accounts[0] as Address, ...transaction }), 'latest']),
    async deploy(contract, args = []) {
      const data = encodeDeployData({ abi: contract.abi, bytecode: contract.initCode, args });
      const { status, contractAddress } = await send({ data });
      if (status !== 'success' || contractAddress === null) throw new ChainError(`${contract.name} was not created`);
      return contractAddress;
    },
    stop: () => ended(child),
  };
}

function anvilArguments({ hardfork, timestamp }: ChainOptions): readonly string[] {
  return [
    ...['--host', '127.0.0.1', '--port', '0', '--hardfork', hardfork, '--enable-tx-gas-limit'],
    // Room for transactions of 2^24 gas, and no price, so that no test runs out of money.
    ...['--gas-limit', '60000000', '--base-fee', '0', '--gas-price', '0', '--disable-min-priority-fee'],
    ...['--accounts', '10', '--no-cors'],
    ...(timestamp === undefined ? [] : ['--timestamp', String(timestamp)]),
  ];
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => refuse('did not start in time'), START_MS);
    const refuse = (why: string): void => {
      clearTimeout(timer);
      child.stdin?.end();
      reject(new FoundryError(`anvil ${why}: ${said.slice(-2000)}`));
    };
    const hear = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
      const port = /^Listening on 127\.0\.0\.1:(\d+)$/m.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      said = '';
      resolve(`http://127.0.0.1:${port}`);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    child.on('error', (error) => refuse(error.message));
    child.on('close', (code) => refuse(`ended with ${code}`));
    child.stdout?.on('end', () => refuse('ended'));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.stdin?.end();
  });
}

type Rpc = <T>(method: string, params?: readonly unknown[]) => Promise<T>;

function rpcTo(url: string): Rpc {
  let id = 0;
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    id += 1;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    });
    const answer = (await response.json()) as { result?: T; error?: { message: string; data?: Hex } };
    if (answer.error !== undefined) throw new ChainError(`${method}: ${answer.error.message}`, answer.error.data);
    return answer.result as T;
  };
}

function sender({ rpc, from }: { readonly rpc: Rpc; readonly from: Address }): Chain['send'] {
  return async (transaction) => {
    const hash = await rpc<Hex>('eth_sendTransaction', [fields({ from, ...transaction })]);
    // The answer to eth_sendTransaction comes before the receipt exists.
    for (;;) {
      const raw = await rpc<RawReceipt | null>('eth_getTransactionReceipt', [hash]);
      if (raw !== null) return receipt(raw);
      await pause(5);
    }
  };
}

interface RawReceipt {
  readonly status: Hex;
  readonly gasUsed: Hex;
  readonly contractAddress: Address | null;
  readonly logs: Receipt['logs'];
  readonly transactionHash: Hex;
  readonly blockNumber: Hex;
}

function receipt(raw: RawReceipt): Receipt {
  return {
    status: raw.status === '0x1' ? 'success' : 'reverted',
    gasUsed: BigInt(raw.gasUsed),
    contractAddress: raw.contractAddress,
    logs: raw.logs,
    transactionHash: raw.transactionHash,
    blockNumber: BigInt(raw.blockNumber),
  };
}

function fields({ from, to, data, value, gas }: Transaction): Readonly<Record<string, unknown>> {
  return {
    from,
    ...(to !== undefined && { to }),
    ...(data !== undefined && { data }),
    ...(value !== undefined && { value: `0x${value.toString(16)}` }),
    gas: `0x${(gas ?? TRANSACTION_GAS).toString(16)}`,
    gasPrice: '0x0',
  };
}
