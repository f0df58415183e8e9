import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Abi, encodeDeployData, type Hex } from 'viem';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { ChainError } from './errors.ts';

/** What contracts are created from. */
export interface Compiled {
  /** What is sent to create the contract with these arguments. */
  creation(name: string, args: readonly unknown[]): Hex;
  /** SHA-256 of the code without arguments: the same for everybody who compiles these sources. */
  digest(name: string): string;
}

interface CompiledContract {
  readonly name: string;
  readonly inputs: readonly unknown[];
  readonly initCode: Hex;
  readonly sha256: string;
}

/** A checkout compiles its sources; a package carries what its build compiled. */
export async function openCompiled(): Promise<Compiled> {
  const contracts = import.meta.url.endsWith('.ts') ? await compiledHere() : await compiledBefore();
  const byName = new Map(contracts.map((contract) => [contract.name, contract]));
  const named = (name: string): CompiledContract => {
    const found = byName.get(name);
    if (found === undefined) throw new ChainError('contracts_missing', `${name} was not compiled`);
    return found;
  };
  return {
    digest: (name) => named(name).sha256,
    creation(name, args) {
      const { inputs, initCode } = named(name);
      if (inputs.length === 0) return initCode;
      const abi = [{ type: 'constructor', stateMutability: 'nonpayable', inputs }] as unknown as Abi;
      return encodeDeployData({ abi, bytecode: initCode, args: [...args] });
    },
  };
}

async function compiledHere(): Promise<readonly CompiledContract[]> {
  try {
    const { compiledContracts } = await import('../../contracts/deploy/index.ts');
    return await compiledContracts();
  } catch (error) {
    throw new ChainError('contracts_missing', `the contracts were not compiled: ${(error as Error).message}`);
  }
}

async function compiledBefore(): Promise<readonly CompiledContract[]> {
  const path = join(dirname(fileURLToPath(import.meta.url)), '../../contracts/compiled.json');
  let contracts: readonly CompiledContract[];
  try {
    ({ contracts } = JSON.parse(await readFile(path, 'utf8')) as { readonly contracts: readonly CompiledContract[] });
  } catch (error) {
    throw new ChainError('contracts_missing', `cannot read ${path}: ${(error as Error).message}`);
  }
  for (const { name, initCode, sha256: said } of contracts) {
    // A file that was cut or mixed up would be paid for before anybody noticed.
    if (toHex(sha256(fromHex(initCode.slice(2)))) !== said) {
      throw new ChainError('contracts_missing', `${path}: ${name} is not what was compiled`);
    }
  }
  return contracts;
}
