import { type Address, decodeFunctionResult, encodeDeployData, encodeFunctionData, type Hex } from 'viem';
import type { GeneratedContract } from '../../../contracts/integer/evm/contract.ts';
import { standardJson } from '../../../contracts/integer/evm/standard-json.ts';
import { type Chain, type Receipt, TRANSACTION_GAS } from '../../../contracts/tools/anvil.ts';
import type { Artifact } from '../../../contracts/tools/artifacts.ts';
import { compileStandardJson } from '../../../contracts/tools/compile.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeIntegers } from '../../../wire/message/integers.ts';
import { filler } from '../../vectors/golden/keys.ts';
import { hex } from './settlement.ts';

const ZERO: Hex = `0x${'00'.repeat(32)}`;

/** What a result verifier is asked about, as the settlement asks where no receipt is needed. */
export interface Asked {
  readonly modelId: Hex;
  readonly inputHash: Hex;
  readonly output: Hex;
}

/** A generated contract on a chain. */
export interface GeneratedOnChain {
  readonly address: Address;
  readonly artifact: Artifact;
  /** Gas of creating it with all its tables. */
  readonly created: bigint;
  evaluate(input: Uint8Array): Promise<Hex>;
  /** The call of `verify`. */
  question(asked: Asked, proof: Uint8Array): Hex;
  verify(asked: Asked, proof: Uint8Array): Promise<boolean>;
  /** The same question as a transaction, for its gas. */
  send(asked: Asked, proof: Uint8Array): Promise<Receipt>;
}

export function compileGenerated(contracts: readonly GeneratedContract[]): ReadonlyMap<string, Artifact> {
  return compileStandardJson(standardJson(contracts));
}

export async function deployGenerated(
  chain: Chain,
  { name, tables }: GeneratedContract,
  artifacts: ReadonlyMap<string, Artifact>,
): Promise<GeneratedOnChain> {
  let created = 0n;
  const create = async (contract: string, args: readonly unknown[]): Promise<Address> => {
    const { abi, initCode } = mustHave(artifacts, contract);
    const { status, gasUsed, contractAddress } = await chain.send({
      data: encodeDeployData({ abi, bytecode: initCode, args }),
    });
    created += gasUsed;
    if (status !== 'success' || contractAddress === null) throw new Error(`${contract} was not created`);
    return contractAddress;
  };
  const places: Address[] = [];
  for (const table of tables) places.push(await create(table, []));
  const address = await create(name, places);
  const artifact = mustHave(artifacts, name);
  const { abi } = artifact;
  const question = ({ modelId, inputHash, output }: Asked, proof: Uint8Array): Hex => {
    const answer = {
      ...{ escrow: hex(filler('escrow')), modelId, inputHash, output },
      ...{ payee: chain.accounts[1], log: ZERO, execution: ZERO, commitment: ZERO },
    };
    return encodeFunctionData({ abi, functionName: 'verify', args: [answer, hex(proof)] });
  };
  const read = async <T>(functionName: string, data: Hex): Promise<T> =>
    decodeFunctionResult({
      abi,
      functionName,
      data: await chain.call({ to: address, data, gas: TRANSACTION_GAS }),
    }) as T;
  return {
    address,
    artifact,
    created,
    question,
    evaluate: (input) => read('evaluate', encodeFunctionData({ abi, functionName: 'evaluate', args: [hex(input)] })),
    verify: (asked, proof) => read('verify', question(asked, proof)),
    send: (asked, proof) => chain.send({ to: address, data: question(asked, proof) }),
  };
}

/** A row as a body of format 2: one tensor without decimals, of one row. */
export function rowBody(values: readonly (bigint | number)[]): Uint8Array {
  return encodeIntegers([{ decimals: 0, shape: [1, values.length], values: values.map(BigInt) }]);
}

export function askedOf(modelId: Hex, input: Uint8Array, output: Uint8Array): Asked {
  return { modelId, inputHash: hex(sha256(input)), output: hex(output) };
}

function mustHave(artifacts: ReadonlyMap<string, Artifact>, name: string): Artifact {
  const found = artifacts.get(name);
  if (found === undefined) throw new Error(`${name} was not compiled`);
  return found;
}
