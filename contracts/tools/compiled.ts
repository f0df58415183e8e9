import { createHash } from 'node:crypto';
import type { Abi, Hex } from 'viem';
import { artifact } from './artifacts.ts';

/** What a contract is created from, for whoever has no compiler: `npm run build` writes these into the package. */
export interface CompiledContract {
  readonly name: string;
  /** The constructor's inputs, as the compiler says them; empty without one. */
  readonly inputs: readonly unknown[];
  readonly initCode: Hex;
  /** Of the bytes of `initCode`. */
  readonly sha256: string;
}

/** What `proofmark chain` creates. */
export const compiledNames = [
  'Sha384Engine',
  'P384TableLow',
  'P384TableHigh',
  'P384Verifier',
  'NitroVerifier',
  'Sha384PairEngine',
  'SnpCertificateReader',
  'SevSnpVerifier',
  'WorkerRegistry',
  'ModelRegistry',
  'Settlement',
  'AttestedResult',
  'ReplayedResult',
  'ProvedResult',
  'ImageListPolicy',
  'ManagedPolicy',
] as const;

export async function compiledContracts(): Promise<readonly CompiledContract[]> {
  return Promise.all(
    compiledNames.map(async (name) => {
      const { abi, initCode } = await artifact(name);
      return { name, inputs: inputsOf(abi), initCode, sha256: digestOf(initCode) };
    }),
  );
}

function inputsOf(abi: Abi): readonly unknown[] {
  return abi.find((item) => item.type === 'constructor')?.inputs ?? [];
}

function digestOf(code: Hex): string {
  return createHash('sha256')
    .update(Buffer.from(code.slice(2), 'hex'))
    .digest('hex');
}
