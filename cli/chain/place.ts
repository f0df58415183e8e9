import type { Address } from 'viem';
import { type Parsed, textOption } from '../commands/arguments.ts';
import { UsageError } from '../exit-codes.ts';
import { contractOf, type Deployment, readDeployment } from './deployment.ts';
import { ChainError } from './errors.ts';
import { type ChainNode, openNode, requireContract } from './node.ts';
import { addressOption, chainIdOf, chainOptions, rpcOf } from './options.ts';

/** A chain, and where on it the contracts stand: by a file of `chain deploy`, or by their addresses. */
export const placeOptions: Readonly<Record<string, { readonly type: 'string' }>> = {
  ...chainOptions,
  deployment: { type: 'string' },
  registry: { type: 'string' },
  settlement: { type: 'string' },
};

export interface Place {
  readonly rpc: string;
  readonly node: ChainNode;
  /** Of a contract that stands there. */
  contract(name: keyof typeof places): Promise<Address>;
}

const places = { registry: 'WorkerRegistry', settlement: 'Settlement' } as const;

/** The chain is the one that was named, by number or by the file: a node is not believed about which it is of. */
export async function openPlace(parsed: Parsed): Promise<Place> {
  const rpc = rpcOf(parsed);
  const path = textOption(parsed, 'deployment');
  const file = path === undefined ? undefined : await readDeployment(path);
  if (path !== undefined && file === undefined) throw new ChainError('deployment_invalid', `there is no ${path}`);
  const named = chainIdOf(parsed);
  if (named === undefined && file === undefined) {
    throw new UsageError('--chain-id N or --deployment FILE is required: it says which chain is meant');
  }
  if (named !== undefined && file !== undefined && String(named) !== file.chainId) {
    throw new ChainError('chain_other', `${path} is of chain ${file.chainId}, and ${named} was named`);
  }
  const node = await openNode(rpc, named ?? BigInt((file as Deployment).chainId));
  return {
    rpc,
    node,
    async contract(name) {
      const given = addressOption(parsed, name);
      const address = given ?? (file === undefined ? undefined : contractOf(path as string, file, places[name]));
      if (address === undefined) throw new UsageError(`--${name} ADDRESS or --deployment FILE is required`);
      await requireContract(node, places[name], address);
      return address;
    },
  };
}
