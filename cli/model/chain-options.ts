import type { Address } from 'viem';
import { type Parsed, textOption } from '../commands/arguments.ts';
import { UsageError } from '../exit-codes.ts';
import type { ModelChainOptions, Payer } from './chain.ts';

/** Where a registry of models stands, and who pays for what is written there. */
export const registryOptions = { chain: { type: 'string' }, registry: { type: 'string' } } as const;
export const payerOptions = { account: { type: 'string' }, 'account-key': { type: 'string' } } as const;

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** Undefined where nobody asked for a chain. */
export function registryOf(parsed: Parsed): ModelChainOptions | undefined {
  const [rpc, registry] = [textOption(parsed, 'chain'), textOption(parsed, 'registry')];
  if (rpc === undefined && registry === undefined) return undefined;
  if (rpc === undefined || registry === undefined)
    throw new UsageError('--chain RPC and --registry ADDRESS go together');
  if (!/^https?:\/\//.test(rpc)) throw new UsageError('--chain is the http or https URL of a node');
  if (!ADDRESS.test(registry)) throw new UsageError(`--registry ${registry} is no address`);
  return { rpc, registry: registry as Address };
}

/** An account of the node's, or the file of a key: a key itself would be seen by everybody on this machine. */
export function payerOf(parsed: Parsed): Payer {
  const [account, keyFile] = [textOption(parsed, 'account'), textOption(parsed, 'account-key')];
  if ((account === undefined) === (keyFile === undefined)) {
    throw new UsageError('name who pays: --account ADDRESS, which the node holds unlocked, or --account-key FILE');
  }
  if (keyFile !== undefined) return { keyFile };
  if (account === undefined || !ADDRESS.test(account))
    throw new UsageError('--account is an address; a key is in a file');
  return { unlocked: account as Address };
}
