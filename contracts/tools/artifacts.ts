import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Abi, Hex } from 'viem';
import { forge } from './forge.ts';
import { CONTRACTS, FoundryError } from './foundry.ts';

export interface Artifact {
  readonly name: string;
  readonly abi: Abi;
  /** What is sent to create the contract, before its constructor's arguments. */
  readonly initCode: Hex;
  /** What stays on chain: EIP-170 allows 24,576 bytes. */
  readonly runtimeBytes: number;
}

interface ForgeArtifact {
  readonly abi: Abi;
  readonly bytecode: { readonly object: Hex };
  readonly deployedBytecode: { readonly object: Hex };
}

let built: Promise<void> | undefined;

/** Brings the artifacts up to date, once in a process. Takes about a second when nothing changed. */
export function buildContracts(): Promise<void> {
  built ??= forge(['build'], { output: 'keep' }).then(({ code, stdout, stderr }) => {
    if (code !== 0) throw new FoundryError(`forge build ended with ${code}\n${stdout}${stderr}`);
  });
  return built;
}

/** `file` is the Solidity file's own name where it is not the contract's. */
export async function artifact(name: string, file: string = name): Promise<Artifact> {
  await buildContracts();
  const text = readFileSync(join(CONTRACTS, 'out', `${file}.sol`, `${name}.json`), 'utf8');
  const { abi, bytecode, deployedBytecode } = JSON.parse(text) as ForgeArtifact;
  return { name, abi, initCode: bytecode.object, runtimeBytes: deployedBytecode.object.length / 2 - 1 };
}
