import {
  type Address,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  formatLog,
  type Hex,
  keccak256,
  parseEventLogs,
  type RpcLog,
} from 'viem';
import { type Chain, ChainError, type Receipt, startChain } from '../tools/anvil.ts';
import { type Artifact, artifact, buildContracts } from '../tools/artifacts.ts';
import { foundryBinary } from '../tools/foundry.ts';
import { type Deployer, type Deployment, deployAll, type Roots, registryDefaults } from './deploy.ts';

/** A transaction that succeeded, for whoever reports what things cost. */
export interface Done {
  readonly what: string;
  readonly hash: Hex;
  readonly gasUsed: bigint;
}

/** Everything on one chain of this machine, with money that is worth nothing. */
export interface LocalChain extends Deployer {
  readonly chain: Chain;
  readonly url: string;
  readonly chainId: bigint;
  readonly deployment: Deployment;
  readonly token: Address;
  readonly operator: Address;
  readonly payer: Address;
  readonly requester: Address;
  /** What was sent from here, in order. */
  readonly done: readonly Done[];
  call(contract: string, at: Address, functionName: string, args: readonly unknown[]): Promise<unknown>;
  sendTo(what: string, contract: string, to: Address, call: LocalCall): Promise<Receipt>;
  /** The arguments of every event of that name so far, oldest first. */
  events(contract: string, at: Address, eventName: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Keeps a transaction that was sent from elsewhere. */
  note(what: string, hash: Hex): Promise<void>;
  /** Gives somebody tokens and lets the settlement take them. */
  fund(account: Address, amount: bigint): Promise<void>;
  codeHash(address: Address): Promise<Hex>;
  stop(): Promise<void>;
}

export interface LocalCall {
  readonly from: Address;
  readonly functionName: string;
  readonly args: readonly unknown[];
}

const CLOSE_DELAY = 86_400n;

const named = (contract: string): Promise<Artifact> =>
  artifact(contract, contract === 'TestToken' ? 'TestTokens' : contract);

/** Throws where a tool is missing, and says which. */
export function requireFoundry(): void {
  for (const tool of ['forge', 'anvil'] as const) foundryBinary(tool);
}

/** Anvil under Osaka's rules, with the deployment on it. Needs Foundry, as every checkout has it. */
export async function startLocalChain(options: { readonly roots: Roots }): Promise<LocalChain> {
  await buildContracts();
  const chain = await startChain({ hardfork: 'osaka' });
  try {
    return await deployed(chain, options.roots);
  } catch (error) {
    await chain.stop();
    throw error;
  }
}

async function deployed(chain: Chain, roots: Roots): Promise<LocalChain> {
  const done: Done[] = [];
  const [, operator, payer, requester] = chain.accounts as readonly [Address, Address, Address, Address];

  function keep(what: string, receipt: Receipt): Receipt {
    if (receipt.status !== 'success') throw new ChainError(`${what} was reverted in ${receipt.transactionHash}`);
    done.push({ what, hash: receipt.transactionHash, gasUsed: receipt.gasUsed });
    return receipt;
  }

  async function deploy(contract: Artifact, args: readonly unknown[] = []): Promise<Address> {
    const data = encodeDeployData({ abi: contract.abi, bytecode: contract.initCode, args });
    const { contractAddress } = keep(`create ${contract.name}`, await chain.send({ data }));
    if (contractAddress === null) throw new ChainError(`${contract.name} was not created`);
    return contractAddress;
  }

  const testToken = await artifact('TestToken', 'TestTokens');
  const token = await deploy(testToken);
  const deployment = await deployAll({ deploy }, { roots, token, registry: registryDefaults, closeDelay: CLOSE_DELAY });
  const { settlement } = deployment;
  const tokenCall = (functionName: string, args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: testToken.abi, functionName, args });

  return {
    chain,
    url: chain.url,
    chainId: BigInt(await chain.rpc<Hex>('eth_chainId')),
    deployment,
    token,
    operator,
    payer,
    requester,
    done,
    deploy,
    async call(contract, at, functionName, args) {
      const { abi } = await named(contract);
      const data = encodeFunctionData({ abi, functionName, args });
      return decodeFunctionResult({ abi, functionName, data: await chain.call({ to: at, data }) });
    },
    async sendTo(what, contract, to, { from, functionName, args }) {
      const { abi } = await named(contract);
      const data = encodeFunctionData({ abi, functionName, args });
      return keep(what, await chain.send({ from, to, data }));
    },
    async events(contract, at, eventName) {
      const { abi } = await named(contract);
      const logs = await chain.rpc<RpcLog[]>('eth_getLogs', [{ address: at, fromBlock: '0x0', toBlock: 'latest' }]);
      return parseEventLogs({ abi, eventName, logs: logs.map((log) => formatLog(log)) }).map(
        ({ args }) => args as Readonly<Record<string, unknown>>,
      );
    },
    async fund(account, amount) {
      keep('mint tokens', await chain.send({ to: token, data: tokenCall('mint', [account, amount]) }));
      const approval = { to: token, from: account, data: tokenCall('approve', [settlement, amount]) };
      keep('approve the settlement', await chain.send(approval));
    },
    async note(what, hash) {
      const found = await chain.rpc<{ readonly gasUsed: Hex } | null>('eth_getTransactionReceipt', [hash]);
      if (found === null) throw new ChainError(`the chain does not know ${hash}`);
      done.push({ what, hash, gasUsed: BigInt(found.gasUsed) });
    },
    async codeHash(address) {
      return keccak256(await chain.rpc<Hex>('eth_getCode', [address, 'latest']));
    },
    stop: () => chain.stop(),
  };
}
