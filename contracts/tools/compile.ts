import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Abi, Hex } from 'viem';
import type { Artifact } from './artifacts.ts';
import { CONTRACTS, FoundryError } from './foundry.ts';

interface Output {
  readonly errors?: readonly { readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}

interface Compiled {
  readonly abi: Abi;
  readonly evm: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: { readonly object: string };
  };
}

/**
 * Contracts that are no file of this checkout, by their names: what the pinned compiler makes of an input in its standard
 * JSON. Warnings are errors, as everywhere.
 */
export function compileStandardJson(input: string): ReadonlyMap<string, Artifact> {
  const compiler = join(CONTRACTS, 'tools/solc.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '--standard-json'], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new FoundryError(`solc ended with ${status}: ${stderr.slice(0, 2_000)}`);
  const { errors = [], contracts = {} } = JSON.parse(stdout) as Output;
  const [problem] = errors;
  if (problem !== undefined) throw new FoundryError(problem.formattedMessage.slice(0, 2_000));
  return new Map(
    Object.values(contracts).flatMap((file) =>
      Object.entries(file).map(([name, { abi, evm }]): [string, Artifact] => [
        name,
        {
          name,
          abi,
          initCode: `0x${evm.bytecode.object}` as Hex,
          runtimeBytes: evm.deployedBytecode.object.length / 2,
        },
      ]),
    ),
  );
}
