import { type Address, encodeDeployData, encodeFunctionData, type Hex } from 'viem';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { command, type Folder, type Outcome, temporaryFolder } from '../../support/command.ts';

/** A chain with a token, and the command line before it. */
export interface ChainWorld {
  readonly chain: Chain;
  readonly token: Address;
  readonly folder: Folder;
  readonly accounts: { readonly deployer: Address; readonly operator: Address; readonly payer: Address };
  /** `proofmark chain ...` with the node's address. */
  run(...words: readonly string[]): Promise<Outcome>;
  /** The same with --json, which must succeed. */
  json<T>(...words: readonly string[]): Promise<T>;
  mint(to: Address, amount: bigint): Promise<void>;
  stop(): Promise<void>;
}

export async function chainWorld(options: { readonly timestamp?: number } = {}): Promise<ChainWorld> {
  const chain = await startChain({ hardfork: 'osaka', ...options });
  const folder = temporaryFolder();
  const token = await artifact('TestToken', 'TestTokens');
  const data = encodeDeployData({ abi: token.abi, bytecode: token.initCode, args: [] });
  // Not the deployer: its numbers begin at zero.
  const [deployer, operator, payer] = chain.accounts.slice(3) as unknown as readonly [Address, Address, Address];
  const { contractAddress } = await chain.send({ data });
  if (contractAddress === null) throw new TypeError('no token');
  const run = (...words: readonly string[]): Promise<Outcome> => command('chain', ...words, '--chain', chain.url);
  return {
    chain,
    folder,
    token: contractAddress,
    accounts: { deployer, operator, payer },
    run,
    async json<T>(...words: readonly string[]): Promise<T> {
      const { code, out, err } = await run(...words, '--json');
      if (code !== 0) throw new Error(`${words.join(' ')}: ${code} ${out}${err}`);
      return JSON.parse(out) as T;
    },
    async mint(to, amount) {
      const mint: Hex = encodeFunctionData({ abi: token.abi, functionName: 'mint', args: [to, amount] });
      await chain.send({ to: contractAddress, data: mint });
    },
    async stop() {
      folder.remove();
      await chain.stop();
    },
  };
}
