import type { Address, Hex } from 'viem';
import type { GeneratedContract } from '../integer/evm/contract.ts';
import { standardJson } from '../integer/evm/standard-json.ts';
import { ChainError } from '../tools/anvil.ts';
import { compileStandardJson } from '../tools/compile.ts';
import { type EscrowChain, type ProvenEscrow, provenEscrow } from './escrow.ts';

/** A generated result verifier, and requests that it settles. A proof is the input. */
export interface RecomputedEscrow extends ProvenEscrow {
  /** Of the verifier's code, without its tables. */
  readonly codeBytes: number;
}

export interface RecomputedOptions {
  readonly contract: GeneratedContract;
  readonly modelId: Hex;
  readonly price: bigint;
}

export async function deployRecomputed(
  local: EscrowChain,
  { contract, modelId, price }: RecomputedOptions,
): Promise<RecomputedEscrow> {
  const artifacts = compileStandardJson(standardJson([contract]));
  const named = (name: string) => {
    const found = artifacts.get(name);
    if (found === undefined) throw new ChainError(`${name} was not compiled`);
    return found;
  };
  const tables: Address[] = [];
  for (const table of contract.tables) tables.push(await local.deploy(named(table)));
  const artifact = named(contract.name);
  const verifier = await local.deploy(artifact, tables);
  return {
    codeBytes: artifact.runtimeBytes,
    ...provenEscrow(local, { level: 'recomputed', verifier, modelId, price }),
  };
}
