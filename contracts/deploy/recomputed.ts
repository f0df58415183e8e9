import type { Address, Hex } from 'viem';
import type { GeneratedContract } from '../integer/evm/contract.ts';
import { standardJson } from '../integer/evm/standard-json.ts';
import { ChainError } from '../tools/anvil.ts';
import { compileStandardJson } from '../tools/compile.ts';
import type { LocalChain } from './local.ts';

/** A generated result verifier on a chain of this machine, and requests that it settles. */
export interface RecomputedEscrow {
  readonly verifier: Address;
  /** Of the verifier's code, without its tables. */
  readonly codeBytes: number;
  /** Puts the price aside for whoever has the answer. */
  open(input: Hex): Promise<Hex>;
  /** Whether the settlement would take this answer now. */
  wouldFulfil(escrow: Hex, output: Hex, input: Hex): Promise<boolean>;
  /** Sends the answer, and gives what its sender is credited with. */
  fulfil(escrow: Hex, output: Hex, input: Hex): Promise<bigint>;
}

export interface RecomputedOptions {
  readonly contract: GeneratedContract;
  readonly modelId: Hex;
  readonly price: bigint;
}

const NOBODY: Address = `0x${'00'.repeat(20)}`;
const FOR_EVER = 2n ** 48n;

export async function deployRecomputed(
  local: LocalChain,
  { contract, modelId, price }: RecomputedOptions,
): Promise<RecomputedEscrow> {
  const { deployment, requester, operator } = local;
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
  const call = (escrow: Hex, output: Hex, input: Hex): readonly unknown[] => [escrow, output, operator, input];

  return {
    verifier,
    codeBytes: artifact.runtimeBytes,
    async open(input) {
      const terms = {
        ...{ modelId, policy: NOBODY, resultVerifier: verifier, unitPrice: price, maxFee: price, deadline: FOR_EVER },
        ...{ callback: NOBODY, callbackGas: 0n },
      };
      await local.fund(requester, price);
      await local.sendTo('open an escrow', 'Settlement', deployment.settlement, {
        from: requester,
        functionName: 'openEscrow',
        args: [terms, input],
      });
      const opened = await local.events('Settlement', deployment.settlement, 'EscrowOpened');
      return opened.at(-1)?.['escrow'] as Hex;
    },
    async wouldFulfil(escrow, output, input) {
      try {
        await local.call('Settlement', deployment.settlement, 'fulfilProven', call(escrow, output, input));
        return true;
      } catch (error) {
        if (error instanceof ChainError) return false;
        throw error;
      }
    },
    async fulfil(escrow, output, input) {
      const credit = async (): Promise<bigint> =>
        (await local.call('Settlement', deployment.settlement, 'creditOf', [operator])) as bigint;
      const before = await credit();
      await local.sendTo('fulfil, recomputed', 'Settlement', deployment.settlement, {
        from: operator,
        functionName: 'fulfilProven',
        args: call(escrow, output, input),
      });
      return (await credit()) - before;
    },
  };
}
