import { requireAddress, requireRpc } from '../chain/options.ts';
import { type Parsed, textOption } from '../commands/arguments.ts';
import { UsageError } from '../exit-codes.ts';
import type { ModelChainOptions } from './chain.ts';

/** Where a registry of models stands. */
export const registryOptions = { chain: { type: 'string' }, registry: { type: 'string' } } as const;

/** Undefined where nobody asked for a chain. */
export function registryOf(parsed: Parsed): ModelChainOptions | undefined {
  const [rpc, registry] = [textOption(parsed, 'chain'), textOption(parsed, 'registry')];
  if (rpc === undefined && registry === undefined) return undefined;
  if (rpc === undefined || registry === undefined)
    throw new UsageError('--chain RPC and --registry ADDRESS go together');
  return { rpc: requireRpc(rpc), registry: requireAddress(registry, '--registry') };
}
